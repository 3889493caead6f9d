"""All query strategies behind one config union and one table."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.queries.interface import QuerySettings
from skyvet.strategies.queries.mixture import MixtureQuery
from skyvet.strategies.queries.single import SINGLE_STRATEGIES, SingleQueryConfig

__all__ = ["STRATEGIES", "QueryConfig", "build_query", "strategy_titles"]

QueryConfig = Annotated[SingleQueryConfig | MixtureQuery, Field(discriminator="kind")]
"""Any strategy's settings; ``kind`` says which."""

STRATEGIES: tuple[type[QuerySettings], ...] = (*SINGLE_STRATEGIES, MixtureQuery)
"""Every strategy, in the order in which a list shows them."""

_ADAPTER: TypeAdapter[QuerySettings] = TypeAdapter(QueryConfig)


def strategy_titles() -> dict[str, str]:
    """Return the title of each strategy by its kind.

    Examples
    --------
    >>> strategy_titles()["random"]
    'Random'
    """
    return {strategy.model_fields["kind"].default: strategy.title for strategy in STRATEGIES}


def build_query(kind: str, **settings: Any) -> QuerySettings:  # noqa: ANN401 - a strategy's settings
    """Return a strategy by its name.

    Parameters
    ----------
    kind : str
        One of `strategy_titles`.
    **settings
        Its settings; those left out keep their default.

    Raises
    ------
    InvalidInputError
        If there is no such strategy, or a setting does not fit.

    Examples
    --------
    >>> build_query("high_confidence", threshold=0.95).threshold
    0.95
    """
    known = strategy_titles()
    if kind not in known:
        raise InvalidInputError(
            f"there is no query strategy {kind!r}; choose one of {', '.join(known)}"
        )
    try:
        return _ADAPTER.validate_python({"kind": kind, **settings})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise InvalidInputError(f"strategy {kind!r}, {where}: {first['msg']}") from error
