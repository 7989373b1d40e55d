/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRADC_SERVE_HTTP_VERSION_H
#define GRADC_SERVE_HTTP_VERSION_H
const char *http_version(char *err); /* of libmicrohttpd; NULL: err[ERR_TEXT] says why there is none */
#endif
