"""What the audit is told of a request."""

from app.governance.auditing import Concerned
from app.server.requests import GraphQLRequest
from app.server.terms import Terms


def concerned(request: GraphQLRequest, terms: Terms, name: str | None) -> Concerned:
    """A request for the audit.

    Args:
        request: What is asked.
        terms: By whom.
        name: The operation's name, if it has one.
    """
    return Concerned(
        terms.principal,
        terms.correlation_id,
        str(terms.client),
        request.query,
        name,
        request.variables,
    )
