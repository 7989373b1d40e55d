#!/bin/sh
# build.sh BUILD OUT: the generator and its checks as one program, over the objects that BUILD holds. Run in the source tree.
${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$2" tests/random/*.c tests/random/nn/*.c \
  "$1"/ir/*.o "$1"/passes/*.o "$1"/frontend/*.o "$1"/codegen/*.o "$1"/codegen/c/*.o "$1"/codegen/jit/*.o "$1/embed.o" \
  -lm -ldl -lpthread
