// SPDX-License-Identifier: Apache-2.0
/* Loops, and elements of tuples. */
#include "export/export.h"
#include "ir/scan.h"

/* ONNX has the carries first. A scan without scanned inputs gets the numbers of its iterations. */
void write_scan(Export *x, Id n) {
  Scan s = scan_of(x->at->g, n);
  int nx = s.nx ? s.nx : 1, nin = s.nc + nx, nout = s.body->nout;
  const char **in = ctx_array(x->c, nin, sizeof *in), **captured = ctx_array(x->c, s.ncap, sizeof *captured);
  const char **out = ctx_array(x->c, nout, sizeof *out), *extra = NULL;
  int64_t *list = ctx_array(x->c, nin + nout, sizeof *list);
  for (int i = 0; i < s.nc; i++) in[i] = export_in(x, s.nx + i);
  for (int i = 0; i < s.nx; i++) in[s.nc + i] = export_in(x, i);
  for (int i = 0; i < s.ncap; i++) captured[i] = export_in(x, s.nx + s.nc + i);
  if (!s.nx) {
    in[s.nc] = export_range(x, s.length, ONNX_INT64);
    extra = export_unique(x, "iteration");
  }
  export_flush(x);
  Str body = {.c = x->c};
  export_body(x, &s, captured, extra, &body);
  export_graph(x, "body", &body);
  export_int(x, "num_scan_inputs", nx);
  for (int i = 0; i < nx + nout; i++) list[i] = s.axis;
  if (s.nx && s.axis) export_ints(x, "scan_input_axes", list, nx);
  if (s.ny && s.axis) export_ints(x, "scan_output_axes", list, s.ny);
  for (int i = 0; i < nx + nout; i++) list[i] = s.reverse;
  if (s.reverse) export_ints(x, "scan_input_directions", list, nx);
  if (s.reverse && s.ny) export_ints(x, "scan_output_directions", list, s.ny);
  export_node_of(x, "Scan", nin, in, nout, out);
  x->at->tuple[n] = out;
}

void write_get(Export *x, Id n) {
  x->at->value[n] = x->at->tuple[node_in(x->at->g, n, 0)][node_attr(x->at->g, n, ATTR(get, index))->i];
}
