/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to descriptors.c: one firmware descriptor, somebody else's JSON. */
#ifndef HF_DESCRIPTOR_H
#define HF_DESCRIPTOR_H

#include <stdbool.h>

#include <jansson.h>

#include <holdfast/error.h>

enum hf_descriptor_feature {
    HF_DESCRIPTOR_SECURE_BOOT = 1,
    HF_DESCRIPTOR_REQUIRES_SMM = 2,
    HF_DESCRIPTOR_ENROLLED_KEYS = 4,
};

/* *out is not touched for an empty file, which only masks. */
int hf_descriptor_load(const char *path, json_t **out, struct hf_error *err);
/* The text at a.b.c, or NULL; b and c may be NULL. */
const char *hf_descriptor_text(const json_t *json, const char *a, const char *b, const char *c);
bool hf_descriptor_list_has(const json_t *list, const char *word);
/* Of enum hf_descriptor_feature. */
unsigned hf_descriptor_features(const json_t *json);
/* Whether a target has that architecture and machine; a NULL of either asks nothing. *found: the first architecture. */
bool hf_descriptor_has_target(const json_t *json, const char *architecture, const char *machine, const char **found);
/* Why a container cannot hold this firmware, as a refusal; 0 when it can. */
int hf_descriptor_usable(const char *path, const json_t *json, struct hf_error *err);

#endif
