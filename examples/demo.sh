#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles examples/models/digits.nn, trains it on real data and suggests what to try next.
set -e
gradc=$1
mkdir -p build
echo "\$ ./gradc build examples/models/digits.nn -o build/digits"
"$gradc" build examples/models/digits.nn -o build/digits
echo "\$ ./build/digits train"
status=0
./build/digits train || status=$?
if [ $status -ne 0 ]; then exit $status; fi
cat <<'TXT'

Try next:
  ./build/digits info                                      the weights: names, shapes
  ./gradc emit --c examples/models/digits.nn -o build/c    the same model as portable C, training included
  ./gradc ir examples/models/digits.nn --stop-after=fuse   the graphs after fusion
TXT
