"""What is served, sold and filled in: equipment, products, services, questionnaires."""

from __future__ import annotations

from connections.connectors.auvo.declare import (
    ITEM,
    Resource,
    child,
    flag,
    integer,
    moment,
    number,
    person,
    reference,
    shape,
    text,
)
from connections.sdk.declare import Column
from connections.sdk.text import gettext_noop as _

EQUIPMENT_ID = Column("equipment_id", "integer")
PRODUCT_ID = Column("product_id", "text")
FINE = (14, 4)

EQUIPMENTS = Resource(
    "equipments", _("Equipment"), "equipments/",
    shape(
        "equipment", "equipment_id",
        integer("equipment_id", "id"), text("external_id"), reference("parent_id", "parentEquipmentId"),
        reference("customer_id", "associatedCustomerId"), reference("user_id", "associatedUserId"),
        reference("category_id"), text("name"), text("identifier"), text("description"),
        person("image_url", "urlImage"), flag("active"), moment("created_at", "creationDate"),
        moment("expires_at", "expirationDate"), moment("warranty_start_at", "warrantyStartDate"),
        moment("warranty_end_at", "warrantyEndDate"),
        children=(
            child(
                "equipment_spec", "equipment", EQUIPMENT_ID, "equipmentSpecifications", ("line",),
                text("name"), text("specification"),
            ),
            child(
                "equipment_attachment", "equipment", EQUIPMENT_ID, ("uriAnexos", "uriAttachments"), ("line",),
                person("url", ITEM, "url", "uri"),
            ),
        ),
    ),
)  # fmt: skip

EQUIPMENT_CATEGORIES = Resource(
    "equipment_categories", _("Equipment categories"), "equipmentCategories/",
    shape("equipment_category", "category_id", integer("category_id", "id"), text("name", "description", "name")),
)  # fmt: skip

PRODUCTS = Resource(
    "products", _("Products"), "products/",
    shape(
        "product", "product_id",
        text("product_id"), text("code"), text("external_id"), text("name"), text("description"),
        reference("category_id"), number("unit_value", "unitaryValue", digits=FINE),
        number("unit_cost", "unitaryCost", digits=FINE), number("total_stock", digits=FINE),
        number("minimum_stock", digits=FINE), flag("active"),
        children=(
            child(
                "product_spec", "product", PRODUCT_ID, "productSpecifications", ("line",), text("name"),
                text("specification"),
            ),
            child(
                "product_stock", "product", PRODUCT_ID, "employeesStock", ("user_id",),
                integer("user_id"), text("stock_id", "id"), number("amount", digits=FINE),
            ),
        ),
    ),
)  # fmt: skip

PRODUCT_CATEGORIES = Resource(
    "product_categories", _("Product categories"), "productCategories/",
    shape("product_category", "category_id", integer("category_id", "id"), text("name", "description", "name")),
)  # fmt: skip

SERVICES = Resource(
    "services", _("Services"), "services/",
    shape(
        "service", "service_id", text("service_id", "id"), text("title"), text("description"),
        number("price", digits=FINE), flag("active"), text("fiscal_service_id"),
    ),
)  # fmt: skip

QUESTIONNAIRES = Resource(
    "questionnaires", _("Questionnaires"), "questionnaires/",
    shape(
        "questionnaire", "questionnaire_id",
        integer("questionnaire_id", "id"), text("title", "description"), text("header"), text("footer"),
        moment("created_at", "creationDate"),
        children=(
            child(
                "questionnaire_question", "questionnaire", Column("questionnaire_id", "integer"), "questions",
                ("question_id",),
                integer("question_id", "id"), integer("answer_type"), text("description"), text("subtitle", "subTitle"),
                flag("required", "requiredAnswer"), moment("created_at", "creationDate"),
            ),
        ),
    ),
)  # fmt: skip
