"""Why a message was not sent, in the reader's language: what happened, why it usually happens, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connections.explanation import Params

Text = str | Promise

NOT_CONFIGURED = "not_configured"

# Code -> what happened, likely cause, what to do. The settings named are those of .env.example.
MAIL_ERRORS: dict[str, tuple[Text, Text, Text]] = {
    NOT_CONFIGURED: (
        _("No mail server has been set."),
        _("EMAIL_URL is empty."),
        _("Set EMAIL_URL and EMAIL_FROM as .env.example shows, and start Sincro again."),
    ),
    "host_unknown": (
        _("No machine is known by the name %(host)s."),
        _("The host in EMAIL_URL is misspelt, or this machine has no name service."),
        _("Correct the host in EMAIL_URL and start Sincro again."),
    ),
    "connection_refused": (
        _("Nothing answers at port %(port)s of %(host)s."),
        _("The port in EMAIL_URL is wrong, or the mail server is not running."),
        _("Ask the mail provider for host and port; usual are 587 with smtp+tls and 465 with smtp+ssl."),
    ),
    "unreachable": (
        _("This machine has no way to %(host)s."),
        _("The network is down, or a firewall keeps this machine from sending mail."),
        _("Let this machine reach port %(port)s of %(host)s."),
    ),
    "timeout": (
        _("%(host)s did not answer in time at port %(port)s."),
        _("A firewall drops the connection, or the port speaks TLS from the start and EMAIL_URL says otherwise."),
        _("Open the port; with port 465 write smtp+ssl in EMAIL_URL."),
    ),
    "disconnected": (
        _("%(host)s closed the connection in the middle."),
        _("It refuses this machine, or port %(port)s belongs to something else than a mail server."),
        _("Check host and port in EMAIL_URL, and ask the mail provider whether this machine may send."),
    ),
    "not_smtp": (
        _("%(host)s did not answer as a mail server does."),
        _("It refuses this machine, or port %(port)s belongs to something else than a mail server."),
        _("Check host and port in EMAIL_URL, and ask the mail provider whether this machine may send."),
    ),
    "tls_failed": (
        _("No encrypted connection to %(host)s came about."),
        _("Port %(port)s does not begin with TLS, or only in a version that is too old."),
        _("With port 587 or 25 write smtp+tls in EMAIL_URL; with 465, smtp+ssl."),
    ),
    "tls_missing": (
        _("%(host)s offers no encryption at port %(port)s."),
        _("EMAIL_URL says smtp+tls, but this port does not know STARTTLS."),
        _("Use the port that the mail provider names, with smtp+tls or smtp+ssl in EMAIL_URL."),
    ),
    "certificate_refused": (
        _("The certificate of %(host)s is not trusted: %(answer)s."),
        _("It was issued for another name or by an unknown authority, or it has expired."),
        _("Use the host name for which the certificate was issued, or have it renewed."),
    ),
    "login_refused": (
        _("%(host)s did not accept the user or the password."),
        _("The password was changed, or the provider asks for an app password here."),
        _("Put a valid user and password into EMAIL_URL; write @ as %%40 and other signs as .env.example shows."),
    ),
    "login_missing": (
        _("%(host)s offers no way to sign in at port %(port)s."),
        _("It lets users sign in only over an encrypted connection, or not at all."),
        _("Write smtp+tls in EMAIL_URL, or leave user and password out."),
    ),
    "login_letters": (
        _("The user or the password has letters that cannot be sent."),
        _("Mail servers take only unaccented letters there."),
        _("Choose a password without accents, and put it into EMAIL_URL."),
    ),
    "login_required": (
        _("%(host)s wants a user and password, or encryption, before it takes a message."),
        _("EMAIL_URL has none, or says smtp without encryption."),
        _("Put user and password into EMAIL_URL, with smtp+tls."),
    ),
    "sender_refused": (
        _("%(host)s does not let Sincro send from its address."),
        _("EMAIL_FROM is not an address of this account."),
        _("Set EMAIL_FROM to the address of the user in EMAIL_URL."),
    ),
    "relay_refused": (
        _("%(host)s does not pass messages on for this machine."),
        _("It only does so for those who sign in, or for machines it knows."),
        _("Put user and password into EMAIL_URL, or have this machine allowed."),
    ),
    "recipient_refused": (
        _("%(host)s refused the recipient's address."),
        _("The address does not exist or is misspelt."),
        _("Correct the address in the user's preferences."),
    ),
    "message_refused": (
        _("%(host)s refused the message itself."),
        _("A filter took it for unwanted, or it breaks a rule of the provider."),
        _("Ask the mail provider about its answer."),
    ),
    "letters_refused": (
        _("%(host)s does not take addresses with accents."),
        _("The recipient's address has letters that this server does not know."),
        _("Use an address without accents."),
    ),
    "try_later": (
        _("%(host)s asks to try again later."),
        _("It is busy, limits how much may be sent, or lets unknown senders wait at first."),
        _("Nothing: it is tried again by itself. If it goes on, ask the mail provider."),
    ),
    "internal": (
        _("Something failed inside Sincro while the message was made."),
        _("A fault in Sincro itself."),
        _("Send the end of the application log to whoever runs Sincro."),
    ),
}

# Why a message was left out on purpose.
LEFT_OUT: dict[str, Text] = {
    "recovered": _("it worked again before the message went out"),
    "returned": _("the problem came back before the message went out"),
    "replaced": _("a newer message says more"),
    "unwanted": _("this person switched these messages off"),
    "no_address": _("this person has no e-mail address"),
    "no_access": _("this person may not see connections"),
}


@dataclass(frozen=True)
class MailFault:
    """One reason in the reader's language. answer: the server's own words, with its status, "" when it had none."""

    code: str
    sentence: str
    cause: str
    fix: str
    answer: str


def explain_mail(code: str, params: Mapping[str, Any] | None = None) -> MailFault:
    """Return the reason for code; unknown reads as internal."""
    params = params or {}
    sentence, cause, fix = MAIL_ERRORS.get(code, MAIL_ERRORS["internal"])
    values = Params({name: str(value) for name, value in params.items()})
    said = " ".join(str(params[name]) for name in ("status", "answer") if params.get(name))
    return MailFault(code, str(sentence) % values, str(cause) % values, str(fix) % values, said)
