#!/bin/sh
# find.sh: the llvm-config of the newest LLVM from 14 to 19 that has the headers and the library of clang beside it, and
# for which there is a C++ compiler; `no` when there is none.
# find.sh resource CONFIG: the flag that tells where clang of that LLVM has headers of its own, if they are installed.
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
