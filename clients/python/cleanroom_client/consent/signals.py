"""Why a row has no usable consent; must not know strings, tables or rules."""

from __future__ import annotations

from enum import StrEnum


class NoConsent(StrEnum):
    """Why a row is used for nothing; the whole list, so that reports can be compared."""

    NO_PURPOSE = "no_purpose"
    NO_STRING = "no_string"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown_version"
    GLOBAL_SCOPE = "global_scope"
    OUTDATED_POLICY = "outdated_policy"
    VENDOR_NOT_DISCLOSED = "vendor_not_disclosed"
    NO_PUBLISHER_SEGMENT = "no_publisher_segment"
    NO_KNOWN_SECTION = "no_known_section"
    NO_TIME = "no_time"
    NOTHING_GRANTED = "nothing_granted"
    OPTED_OUT = "opted_out"
    GLOBAL_PRIVACY_CONTROL = "global_privacy_control"
    NO_NOTICE = "no_notice"
    BASIS_NOT_ACCEPTED = "basis_not_accepted"
    NO_BASE_PURPOSE = "no_base_purpose"


class SignalUnusable(ValueError):
    """A consent string permits nothing; carries the reason, never the string."""

    def __init__(self, reason: NoConsent) -> None:
        """Keep `reason`."""
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Return one sentence."""
        return f"no usable consent signal: {self.reason}"


def malformed() -> SignalUnusable:
    """Return the error for whatever does not follow the format."""
    return SignalUnusable(NoConsent.MALFORMED)
