"""Programs with people or systems at the other end."""
