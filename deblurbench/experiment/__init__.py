"""What an experiment file may say: composed, resolved, checked."""
