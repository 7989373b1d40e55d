#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh BUILD OUT: the generator and its checks as one program, with the objects of BUILD. Run in the source tree.
${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$2" tests/random/*.c tests/random/nn/*.c \
  $(sh tests/objects.sh "$1" ir passes frontend codegen codegen/jit) "$1/embed.o" \
  -lm -ldl -lpthread
