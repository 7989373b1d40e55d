/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_REPORT_HTML_H
#define GRADC_REPORT_HTML_H
#include "driver/driver.h"

/* gradc report --html: one page of the model, driver/report.html with its data. Returns the exit status. */
int report_html(Args *a);
#endif
