/* SPDX-License-Identifier: Apache-2.0 */
/* The mirror of a device's weights and states in the session's memory. */
#include "device.h"

static char *mirror(const Session *sess, size_t at) { return (char *)sess->mem + at; }

static void down(const Session *sess, size_t at, size_t n) {
  Device *dev = sess->dev;
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  DEVICE_CALL(dev, cuMemcpyDtoHAsync_v2, mirror(sess, at), dev->mem + at, n, dev->stream);
  device_wait(dev);
}

void mirror_down(const Session *sess) {
  if (!sess->dev || !sess->dev->newer) return;
  if (sess->m->persistent_bytes) down(sess, sess->m->head_bytes, sess->m->persistent_bytes);
  sess->dev->newer = sess->dev->shared;
}

void mirror_down_part(const Session *sess, size_t at, size_t n) {
  if (sess->dev && sess->dev->newer && n) down(sess, at, n);
}

void mirror_up(const Session *sess, size_t at, size_t n) {
  Device *dev = sess->dev;
  if (!dev || !n) return;
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  DEVICE_CALL(dev, cuMemcpyHtoDAsync_v2, dev->mem + at, mirror(sess, at), n, dev->stream);
  device_wait(dev);
}
