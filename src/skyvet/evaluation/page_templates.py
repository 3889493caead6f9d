"""The templates of skyvet's HTML pages: everything escaped, nothing undefined passed over."""

from __future__ import annotations

from typing import Any

from skyvet.core.optional import require
from skyvet.evaluation.words import (
    difference_words,
    estimate_text,
    interval_text,
    number_text,
    percent_text,
)

__all__ = ["page_template"]

_jinja2 = require("jinja2", extra="report")


def page_template(name: str) -> Any:  # noqa: ANN401 - jinja2 is imported on demand
    """Load a template of this package; it may use the words of `skyvet.evaluation.words`.

    Parameters
    ----------
    name : str
        File in ``templates/``.

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
    environment.filters.update(
        difference_words=difference_words,
        estimate=estimate_text,
        interval=interval_text,
        number=number_text,
        percent=percent_text,
    )
    return environment.get_template(name)
