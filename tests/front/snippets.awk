# SPDX-License-Identifier: Apache-2.0
# snippets.awk: cuts the programs out of pages.   awk -v dir=DIR -f snippets.awk PAGE.md...
# A fence marked `nn` holds a .nn file, one marked `ir` a module as text; each becomes DIR/PAGE_LINE.nn or .ir, on the
# lines that it has in the page. A fragment replaces the line `...` of the file that a comment right before its fence
# gives; the rendered page does not show the comment:
#   <!-- in
#   def f(x: f32[4]) {
#     ...
#   }
#   -->
FNR == 1 { page = FILENAME; sub(/.*\//, "", page); sub(/\.md$/, "", page); fence = before = after = "" }
/^<!-- in$/ && !fence { part = 1; lines = 0; before = after = ""; next }
part && /^-->$/ { part = 0; next }
part && /^ *\.\.\.$/ { part = 2; next }
part == 1 { before = before $0 "\n"; lines++; next }
part == 2 { after = after $0 "\n"; next }
/^```/ && fence {
  if (file) { printf "%s", after > file; close(file) }
  fence = file = before = after = ""
  next
}
/^```/ {
  fence = $0
  if (!/^```(nn|ir)$/) next
  file = dir "/" page "_" FNR "." substr($0, 4)
  for (i = before ? lines : 0; i < FNR; i++) print "" > file
  printf "%s", before > file
  next
}
fence == "```" && /^(export def|def|use|module) / {
  print FILENAME ":" FNR ": the fence is not marked `nn` or `ir`"
  bad = 1
}
file { print > file; next }
NF { before = after = "" }
END { exit bad }
