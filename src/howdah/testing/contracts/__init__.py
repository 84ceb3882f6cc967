"""What every implementation of a door must hold to: subclass a suite, give it the fixture it asks for."""
