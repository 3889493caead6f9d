"""The templates of skyvet's HTML pages: everything escaped, nothing undefined passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skyvet.core.optional import require

__all__ = ["page_template"]

_jinja2 = require("jinja2", extra="report")


def page_template(name: str, **filters: Callable[..., str]) -> Any:  # noqa: ANN401 - on demand
    """Load a template of this package.

    Parameters
    ----------
    name : str
        File in ``templates/``.
    **filters : callable
        What the template may call as filters.

    Returns
    -------
    jinja2.Template

    Examples
    --------
    >>> page_template("report.css").render()[:5]
    ':root'
    """
    environment = _jinja2.Environment(
        autoescape=True,
        undefined=_jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=_jinja2.PackageLoader("skyvet.evaluation", "templates"),
    )
    environment.filters.update(filters)
    return environment.get_template(name)
