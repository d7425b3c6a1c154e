"""The question's way: admit -> ask -> (route -> hold ->) judge -> persist."""
