"""Looking at topics, groups and journeys of questions from outside, without disturbing anybody."""
