#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# objects.sh BUILD FOLDER...: prints the objects that BUILD holds of these source folders, subfolders included.
# `codegen` does not include codegen/jit, which a test that links it names separately.
build=$1; shift
for folder; do
  case $folder in
  codegen) find "$build/codegen" -name '*.o' ! -path "$build/codegen/jit/*" ;;
  *) find "$build/$folder" -name '*.o' ;;
  esac
done
