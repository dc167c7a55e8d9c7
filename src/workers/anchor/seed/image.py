"""The bytes of a file as a C array: image.py FILE HEADER."""
import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
with open(sys.argv[2], "w", encoding="ascii") as header:
    header.write("static const unsigned char seed_image[] = {%s};\n" % ",".join(str(byte) for byte in data))
