"""skyvet: decide what in a time-domain sky survey is real."""

__all__ = ["__version__"]

__version__ = "0.1.0"
