/* SPDX-License-Identifier: BSD-2-Clause */
/* The file from which libvirt's QEMU reads the code bank. The container decides what is in it; the file only carries it
 * there, and its bytes are compared before each start. */
#ifndef HF_PUBLISHED_H
#define HF_PUBLISHED_H

#include "adoption.h"
#include "container.h"

/* Before anything is decided for this start: the file holds what was published last, or what the container's code bank
 * holds, or is not there. HF_EREFUSED "published": somebody changed it. */
int hf_published_check(struct hf_container *c, const struct hf_adoption *adoption, struct hf_error *err);

/* The code bank becomes the file's contents, by rename; `adoption->published` says so, saved. Does nothing when the
 * file holds it already. */
int hf_publish(struct hf_container *c, struct hf_adoption *adoption, struct hf_error *err);

/* Right before QEMU opens it: the file holds adoption->published. HF_EREFUSED "published". */
int hf_published_verify(const struct hf_adoption *adoption, struct hf_error *err);

#endif
