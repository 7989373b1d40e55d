# SPDX-License-Identifier: Apache-2.0
# docs/language.md -> the manual page nn(5), in the macros of man(7): awk -v version=0.1.0 -f docs/man.awk FILE
function escape(s) {
  gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); gsub(/…/, "...", s); gsub(/–/, "\\-", s); gsub(/−/, "\\-", s)
  return s
}
# Outside code: links are their text, `code` and **words** are bold, *words* italic.
function inline(s,   out, n, part, i, t) {
  gsub(/<[a-z\/][^>]*>/, "", s)
  while (match(s, /\*\*`[^`]*`\*\*/))
    s = substr(s, 1, RSTART - 1) substr(s, RSTART + 2, RLENGTH - 4) substr(s, RSTART + RLENGTH)
  n = split(s, part, "`")
  for (i = 1; i <= n; i++) {
    t = part[i]
    if (i % 2 == 0) { out = out "\\fB" escape(t) "\\fR"; continue }
    while (match(t, /\]\([^)]*\)/)) t = substr(t, 1, RSTART - 1) substr(t, RSTART + RLENGTH)
    gsub(/\[/, "", t); gsub(/\]/, "", t); gsub(/\\\|/, "|", t)
    t = escape(t)
    while (match(t, /\*\*[^*]+\*\*/))
      t = substr(t, 1, RSTART - 1) "\\fB" substr(t, RSTART + 2, RLENGTH - 4) "\\fR" substr(t, RSTART + RLENGTH)
    while (match(t, /\*[^* ][^*]*\*/))
      t = substr(t, 1, RSTART - 1) "\\fI" substr(t, RSTART + 1, RLENGTH - 2) "\\fR" substr(t, RSTART + RLENGTH)
    gsub(/\*\*/, "", t)
    out = out t
  }
  return out
}
function line(s) { sub(/^[.']/, "\\\\\\&&", s); print s }
function flush() {
  if (row != "") put_row(row)
  row = ""
  if (text != "") line(inline(text))
  text = ""
}
# The first cell is a tag, the others are its text.
function put_row(s,   cell, n, i, rest) {
  gsub(/\\\|/, "\001", s)
  n = split(s, cell, "|")
  for (i = 2; i < n; i++) { gsub(/\001/, "|", cell[i]); gsub(/^ +| +$/, "", cell[i]) }
  print ".TP"; line(inline(cell[2]))
  rest = cell[3]
  for (i = 4; i < n; i++) if (cell[i] != "") rest = rest "; " cell[i]
  line(rest == "" ? "\\&" : inline(rest))
}
BEGIN {
  print ".TH NN 5 \"\" \"gradc " version "\" \"File formats\""
  print ".SH NAME\nnn \\- the language of gradc, for neural networks"
}
/^<!--/ { comment = 1 }
comment { if (/-->/) comment = 0; next }
/^ *```/ {
  flush()
  print code ? ".EE\n.RE" : ".PP\n.RS 4\n.EX"
  code = !code
  indent = index($0, "`") - 1
  next
}
code { s = substr($0, indent + 1); line(escape(s)); next }
/^# / { print ".SH DESCRIPTION"; next }
/^## / { flush(); print ".SH " toupper(substr($0, 4)); next }
/^\|[- |:]*$/ { row = ""; next } # what stands above it is the head of a table
/^\|/ { held = $0; flush(); row = held; next }
/^ *$/ { flush(); print ".PP"; next }
/^- / { flush(); print ".IP \\(bu 2"; text = substr($0, 3); next }
{ s = $0; sub(/^ +/, "", s); text = text (text == "" ? "" : " ") s }
END { flush(); print ".SH SEE ALSO\n.BR gradc (1)" }
