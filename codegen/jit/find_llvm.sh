#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# find_llvm.sh: prints the llvm-config of the newest LLVM from 14 to 19 that is installed with clang's headers and
# library; `no` if there is none, or no C++ compiler.
# find_llvm.sh resource CONFIG: prints the flag that defines the folder of that clang's own headers, if installed.
if [ "${1-}" = resource ]; then
  version=$($2 --version)
  for dir in "$($2 --libdir)/clang/${version%%.*}" "$($2 --libdir)/clang/$version" \
             "$("$($2 --bindir)/clang" -print-resource-dir 2>/dev/null)"; do
    [ -f "$dir/include/stddef.h" ] && { echo "-DGRADC_RESOURCE=\"$dir\""; exit; }
  done
  exit
fi
command -v "${CXX:-c++}" >/dev/null 2>&1 || { echo no; exit; }
for config in llvm-config-19 llvm-config-18 llvm-config-17 llvm-config-16 llvm-config-15 llvm-config-14 llvm-config; do
  version=$($config --version 2>/dev/null) || continue
  case ${version%%.*} in 14|15|16|17|18|19) ;; *) continue ;; esac
  [ -f "$($config --includedir)/clang/Frontend/CompilerInstance.h" ] || continue
  for lib in "$($config --libdir)"/libclang-cpp.so*; do
    [ -e "$lib" ] && { echo "$config"; exit; }
  done
done
echo no
