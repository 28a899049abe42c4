"""Consent signals as partners hold them: TCF and GPP strings, GPC, and what they permit here.

Why not a library: the one on the registry (iab-tcf 0.2.2, of 2021) reads missing bits of a cut
string as consent given, checks neither the alphabet nor what is left over, and knows no GPP.

[TCF] IAB Tech Lab, Consent string and vendor list formats v2, text of TCF 2.3, April 2025.
[GPP] IAB Tech Lab, Global Privacy Platform string, November 2023, and its sections:
[EEA] IAB Europe TCF, section 2; [USNAT] MSPA US National, section 7, October 2024.
[GPC] W3C, Global Privacy Control.
"""
