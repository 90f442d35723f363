/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flash chips as QEMU sees them. `code` is the active slot's image, read only, padded with 0xFF to the bank's size;
 * `vars` is made of 4 KiB pages of which erased (all 0xFF) ones are not stored.
 */
#ifndef HF_BANKS_H
#define HF_BANKS_H

#include "container.h"
#include "digest.h"

enum hf_bank { HF_BANK_CODE = 1, HF_BANK_VARS = 2 };

#define HF_PAGE_SIZE     4096
#define HF_BANK_SIZE_MAX (64U << 20)

/* "code", "vars"; never NULL. */
const char *hf_bank_text(enum hf_bank bank);

/* HF_ENOTFOUND: the container has no such bank (SeaBIOS has no vars). */
int hf_bank_size(struct hf_container *c, enum hf_bank bank, uint64_t *size, struct hf_error *err);

/* In a transaction: makes the bank, or gives it another size (vars: what lies beyond is dropped, what is new is erased).
 * `size` is a multiple of HF_PAGE_SIZE, at most HF_BANK_SIZE_MAX; 0 removes it. HF_EREFUSED "size". */
int hf_bank_resize(struct hf_container *c, enum hf_bank bank, uint64_t size, struct hf_error *err);

/* Any range inside the bank. HF_EUSAGE: outside. */
int hf_bank_read(struct hf_container *c, enum hf_bank bank, uint64_t offset, void *buf, size_t size,
                 struct hf_error *err);

/* In a transaction; HF_BANK_VARS only. Any range. Pages that are equal to the stored ones are dropped; `changed` (may be
 * NULL) gets the number of pages that were not. */
int hf_bank_write(struct hf_container *c, enum hf_bank bank, uint64_t offset, const void *buf, size_t size,
                  size_t *changed, struct hf_error *err);

/* In a transaction; HF_BANK_VARS only: sets size and whole contents. `size` need not be a multiple of the page size: the
 * rest of the last page is erased, and hf_bank_size() gives the rounded size. */
int hf_bank_replace(struct hf_container *c, enum hf_bank bank, const void *bytes, uint64_t size, struct hf_error *err);

/* SHA-256 of the whole bank. */
int hf_bank_digest(struct hf_container *c, enum hf_bank bank, struct hf_digest *digest, struct hf_error *err);

/* From `offset`: how many bytes are all stored (or all erased), up to the bank's end. For extents. */
int hf_bank_extent(struct hf_container *c, enum hf_bank bank, uint64_t offset, uint64_t *length, bool *erased,
                   struct hf_error *err);

/* Bytes that one more copy of the variables takes in the file: nothing for erased pages, little for one that repeats a
 * byte (AAVMF's bank is padded with zeros to 64 MiB). 0: there is no such bank. */
int hf_bank_stored(struct hf_container *c, uint64_t *bytes, struct hf_error *err);

#endif
