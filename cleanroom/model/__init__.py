"""Names, questions, measurements and errors as checked values; knows no I/O, clock or protobuf."""
