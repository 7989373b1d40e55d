/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_MAN_H
#define GRADC_MAN_H

/* Text for a manual page: hyphens stay ASCII hyphens, and no line is taken for a request. To be freed by rt_free. */
char *man_escape(const char *s);
/* Prints the page of a training binary; version: of gradc. In opt.c, where the options are. */
void man_program(const char *name, const char *version);
#endif
