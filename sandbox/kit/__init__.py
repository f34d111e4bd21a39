"""What all simulators share: the process, the request log, the control surface and the faults."""
