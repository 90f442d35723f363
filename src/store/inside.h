/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: what its modules ask of one another below their public headers. */
#ifndef HF_INSIDE_H
#define HF_INSIDE_H

#include "handle.h"
#include "images.h"
#include "slots.h"

/* Changing functions begin with this: 0, or HF_EUSAGE without a transaction, or in HF_OPEN_LOOK. */
int hf_may_change(struct hf_container *c, struct hf_error *err);

/* rows.c: the sum that is stored with a row, not compared. 1 there, 0 not. */
int hf_row_sum(struct hf_container *c, enum hf_table table, int64_t id, uint8_t sum[HF_SUM_SIZE], struct hf_error *err);

#define HF_CHUNK_ID(image, number) ((int64_t)(image) << 16 | (int64_t)(number))
/* images.c: the id of the row that stands for a digest. 1 found, 0 not. */
int hf_image_id(struct hf_container *c, const struct hf_digest *digest, int64_t *id, struct hf_error *err);
/* The image of a row id, HF_EDAMAGED when there is none. */
int hf_image_by_id(struct hf_container *c, int64_t id, struct hf_image *image, struct hf_error *err);
int hf_image_read_by_id(struct hf_container *c, int64_t id, uint64_t image_size, uint64_t offset, void *buf,
                        size_t size, struct hf_error *err);

/* pages.c: 4 KiB pages under one owner (a bank, a snapshot), erased ones not stored. */
#define HF_PAGE_ID(owner, number) ((int64_t)(owner) << 32 | (int64_t)(number))
int hf_pages_read(struct hf_container *c, enum hf_table table, int64_t owner, uint64_t offset, void *buf, size_t size,
                  struct hf_error *err);
/* Stores one page unless it is equal to what is stored. 1: changed. */
int hf_page_store(struct hf_container *c, enum hf_table table, int64_t owner, uint32_t number, const uint8_t *bytes,
                  struct hf_error *err);
/* `to` gets exactly the pages of `from`. */
int hf_pages_copy(struct hf_container *c, enum hf_table from_table, int64_t from, enum hf_table to_table, int64_t to,
                  struct hf_error *err);
/* Drops the pages from number `first` on. */
int hf_pages_drop(struct hf_container *c, enum hf_table table, int64_t owner, uint32_t first, struct hf_error *err);
/* SHA-256 of `size` bytes. */
int hf_pages_digest(struct hf_container *c, enum hf_table table, int64_t owner, uint64_t size, struct hf_digest *digest,
                    struct hf_error *err);

/* named.c: tables of named values (setting, state). 1 found, 0 not. */
int hf_named_get(struct hf_container *c, enum hf_table table, const char *name, char *value, size_t size,
                 struct hf_error *err);
int hf_named_set(struct hf_container *c, enum hf_table table, const char *name, const char *value,
                 struct hf_error *err);
int hf_named_clear(struct hf_container *c, enum hf_table table, const char *name, struct hf_error *err);

#endif
