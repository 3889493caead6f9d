"""First weights for few-label learning, made without bought labels."""
