"""From score tables to statements: report, slices, requirement gate, figures."""
