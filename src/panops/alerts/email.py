"""A mail with the picture, through a mail server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate

from panops.alerts.words import one_line, picture, text, title
from panops.config.alert_schema import EmailConfig
from panops.domain.alerts import Alert, SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable

_LARGEST_PICTURE_BYTES = 10 * 1024 * 1024


class Email:
    """One mail server and its recipients. A connection a mail: hours may lie between two.

    Args:
        config: The sink's settings.
        site: For times in the text.
    """

    def __init__(self, config: EmailConfig, site: SiteFacts) -> None:
        self._config = config
        self._timezone = site.timezone

    def deliver(self, alert: Alert) -> str:
        """Send it to all recipients at once.

        Raises:
            SinkUnreachable: No answer, a refused login (somebody will mend it), or an answer that means "later".
            SinkRefused: The server refuses this mail, or every recipient.
        """
        message = self.message(alert)
        try:
            refused = self._send(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            problem = f"no recipient is accepted: {_answer(*next(iter(error.recipients.values())))}"
            raise (SinkRefused if all(code >= 500 for code in codes) else SinkUnreachable)(problem) from error
        except smtplib.SMTPAuthenticationError as error:
            raise SinkUnreachable(f"the login is refused: {_answer(error.smtp_code, error.smtp_error)}") from error
        except smtplib.SMTPResponseException as error:
            problem = _answer(error.smtp_code, error.smtp_error)
            raise (SinkRefused if error.smtp_code >= 500 else SinkUnreachable)(problem) from error
        except smtplib.SMTPNotSupportedError as error:
            raise SinkUnreachable(f"the server cannot do what is set: {error}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise SinkUnreachable(f"no answer: {_why(error)}") from error
        if refused:
            return f"accepted, but not for {', '.join(sorted(refused))}"
        return "accepted"

    def close(self) -> None:
        """Nothing is kept open."""

    def message(self, alert: Alert) -> EmailMessage:
        """The mail."""
        config = self._config
        message = EmailMessage()
        message["Subject"] = one_line(title(alert))
        message["From"] = config.sender
        message["To"] = ", ".join(config.to)
        message["Date"] = formatdate(localtime=True)
        # The same at each try: mail programs show a mail that came twice once.
        message["Message-ID"] = f"<{alert.delivery_id}.{alert.event.event_id}@panops.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text(alert, self._timezone) + "\n")
        found = picture(alert)
        if found is not None:
            with suppress(OSError):  # retention may take it away meanwhile; the alert matters more
                if found.stat().st_size <= _LARGEST_PICTURE_BYTES:
                    name = f"{alert.event.event_id}.jpg"
                    message.add_attachment(found.read_bytes(), maintype="image", subtype="jpeg", filename=name)
        return message

    def _send(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        config = self._config
        context = ssl.create_default_context()
        if config.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(config.server, config.port, timeout=config.timeout_s, context=context)
        else:
            server = smtplib.SMTP(config.server, config.port, timeout=config.timeout_s)
        try:
            if config.security == "starttls":
                server.starttls(context=context)
            if config.username:
                server.login(config.username, config.password.get_secret_value())
            refused = server.send_message(message, config.sender, config.to)
            with suppress(OSError, smtplib.SMTPException):
                server.quit()  # the mail is accepted, whatever is said to this
            return refused
        finally:
            server.close()


def _answer(code: int, said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return one_line(f"{code} {words}")[:200]


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return one_line(str(getattr(error, "strerror", None) or error or type(error).__name__))
