/* SPDX-License-Identifier: Apache-2.0 */
/* `bench --profile` on a device: events between the launches of a call, which are then not a CUDA graph. */
#include "device.h"
#include "rt.h"
#include <string.h>

void device_profile_begin(Session *sess) { sess->dev->profile = rt_alloc(sizeof *sess->dev->profile); }

static void record(Device *dev, int i) {
  DeviceProfile *p = dev->profile;
  if (i == p->cap) {
    p->cap = 2 * p->cap + 64;
    p->event = rt_realloc(p->event, (size_t)p->cap * sizeof *p->event);
    p->kernel = rt_realloc(p->kernel, (size_t)p->cap * sizeof *p->kernel);
    for (int k = i; k < p->cap; k++) DEVICE_CALL(dev, cuEventCreate, &p->event[k], 0);
  }
  DEVICE_CALL(dev, cuEventRecord, p->event[i], dev->stream);
}

void device_profile_mark(Device *dev, int kernel) {
  record(dev, dev->profile->n);
  dev->profile->kernel[dev->profile->n++] = kernel;
}

void device_profile_end(Session *sess) {
  Device *dev = sess->dev;
  DeviceProfile *p = dev->profile;
  if (!p || !p->n) return;
  record(dev, p->n);
  device_wait(dev);
  for (int i = 0; i < p->n; i++) {
    float ms = 0;
    DEVICE_CALL(dev, cuEventElapsedTime, &ms, p->event[i], p->event[i + 1]);
    sess->profile->seconds[p->kernel[i]] += (double)ms * 1e-3;
    sess->profile->count[p->kernel[i]]++;
  }
  p->n = 0;
}

const GcGpu *device_peaks(const Session *sess) {
  const GcGpu *g = sess->m->device->gpu;
  while (g->word && !strstr(sess->dev->name, g->word)) g++;
  return g->word ? g : NULL;
}
