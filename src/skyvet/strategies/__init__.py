"""Making few labels count: queries, rounds, semi-supervised learning, consensus, audit."""
