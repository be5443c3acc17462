"""Who is served and who serves: customers, their groups and segments, users and teams."""

from __future__ import annotations

from connections.connectors.auvo.declare import (
    ITEM,
    Resource,
    child,
    duration,
    flag,
    integer,
    moment,
    number,
    person,
    reference,
    shape,
    text,
    tree,
)
from connections.sdk.declare import Column
from connections.sdk.text import gettext_noop as _

CUSTOMER_ID = Column("customer_id", "integer")

CUSTOMERS = Resource(
    "customers", _("Customers"), "customers/",
    shape(
        "customer", "customer_id",
        integer("customer_id", "id", "customerId"), text("external_id"), person("name", "description", "name"),
        person("document", "cpfCnpj", form="digits"), person("manager"), text("manager_job", "managerJobPosition"),
        text("note"), person("address"), person("address_complement", "adressComplement", "addressComplement"),
        number("latitude", digits=(9, 6), personal=True), number("longitude", digits=(9, 6), personal=True),
        text("maximum_visit_time"), text("maximum_time_unit", "unitMaximumTime"), reference("segment_id"),
        flag("active"), tree("manager_team_ids", "managerTeamsId"), tree("manager_ids", "managersId"),
        moment("created_at", "creationDate"), moment("last_update_at", "dateLastUpdate"),
        children=(
            child(
                "customer_contact", "customer", CUSTOMER_ID, "contacts", ("contact_id",),
                integer("contact_id", "id"), person("name"), text("job", "jobPosition"), person("email"),
                person("phone"),
            ),
            child("customer_phone", "customer", CUSTOMER_ID, "phoneNumber", ("line",), person("phone", ITEM)),
            child("customer_email", "customer", CUSTOMER_ID, "email", ("line",), person("email", ITEM)),
            child(
                "customer_group", "customer", CUSTOMER_ID, "groupsId", ("group_id",), integer("group_id", ITEM, "id")
            ),
            child(
                "customer_attachment", "customer", CUSTOMER_ID, ("uriAnexos", "uriAttachments"), ("line",),
                person("url", ITEM, "url", "uri"),
            ),
        ),
    ),
    updated="dateLastUpdate",
)  # fmt: skip

USERS = Resource(
    "users", _("Users"), "users/",
    shape(
        "user", "user_id",
        integer("user_id", "userId"), text("external_id"), person("name"),
        person("phone", "smartPhoneNumber"), person("login"), person("email"), text("culture"),
        text("job", "jobPosition"), integer("type_id", "userType.userTypeId", "userType"),
        text("type_name", "userType.description"),
        tree("work_days", "workSchedule", "workDaysOfWeek"),
        text("work_starts", "startWorkHour"), text("work_ends", "endWorkHour"),
        text("lunch_starts", "startLunchHour"), text("lunch_ends", "endLunchHour"),
        number("hour_value", digits=(12, 2)), person("picture_url"), person("base_address", "basePoint.address"),
        number("base_latitude", "basePoint.latitude", digits=(9, 6), personal=True),
        number("base_longitude", "basePoint.longitude", digits=(9, 6), personal=True),
        integer("gps_frequency"), moment("registered_at", "registrationDate"),
        number("km_value", "valueKMTraveled", digits=(12, 4)),
    ),
    sweeps=False,  # nobody says whether those who were deactivated are still listed
)  # fmt: skip

TEAMS = Resource(
    "teams", _("Teams"), "teams/",
    shape(
        "team", "team_id", integer("team_id", "id"), text("name", "description", "name"),
        children=(
            child(
                "team_user", "team", Column("team_id", "integer"), "members", ("user_id",),
                integer("user_id", "userId", "id", ITEM), person("name", "name", "userName"),
            ),
        ),
    ),
    members=("users/", "members"),
)  # fmt: skip

CUSTOMER_GROUPS = Resource(
    "customer_groups", _("Customer groups"), "customerGroups/",
    shape("group", "group_id", integer("group_id", "id"), text("name", "description", "name")),
)  # fmt: skip

SEGMENTS = Resource(
    "segments", _("Segments"), "segments/",
    shape("segment", "segment_id", integer("segment_id", "id"), text("name", "description", "name")),
)  # fmt: skip

KEYWORDS = Resource(
    "keywords", _("Keywords"), "keywords/",
    shape(
        "keyword", "keyword_id", integer("keyword_id", "id"), text("name", "description", "name"),
        moment("registered_at", "registrationDate"),
    ),
)  # fmt: skip

TASK_TYPES = Resource(
    "task_types", _("Task types"), "taskTypes/",
    shape(
        "task_type", "task_type_id", integer("task_type_id", "id"), text("name", "description"),
        reference("creator_id"), moment("created_at", "creationDate"),
        reference("questionnaire_id", "standartQuestionnaireId", "standardQuestionnaireId"),
        duration("standard_time", "standartTime", "standardTime"), text("tolerance_time"), flag("active"),
        flag("send_satisfaction_survey"),
        flag("needs_report", "requirements.fillReport"), flag("needs_signature", "requirements.getSignature"),
        flag("needs_km", "requirements.fillRolledKilometer"), flag("emails_task", "requirements.emailTheTask"),
        integer("minimum_photos", "requirements.minimumNumberOfPhotos"),
        tree("required_questionnaires", "requirements.requiredQuestionnaires"),
    ),
)  # fmt: skip
