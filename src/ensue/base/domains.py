"""Names of domains: one domain, however it is spelled, is one."""


def in_ascii(domain: str) -> str:
    """A domain as the mail servers and the name servers know it: in ASCII (RFC 3490), without a dot at the end.

    Raises:
        ValueError: there can be no such domain.
    """
    return (domain if domain.isascii() else domain.encode("idna").decode()).removesuffix(".")
