/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest for the tests of this row: a container of its own in a directory of its own, made from the machine's OVMF.
 * `variants` of an image differ in bytes that no code reads, so each is other firmware of the same kind. */
#ifndef HF_TEST_GUEST_H
#define HF_TEST_GUEST_H

#include "unit.h"

#include "boots.h"
#include "container.h"
#include "digest.h"
#include "life_record.h"
#include "stage.h"

#define NOW 1700000000

struct guest {
    char dir[64], path[128];
    struct hf_container *c;
    char boot_id[32];
    int64_t now;
};

/* 2M and 4M code as the distribution has it. NULL (and the test is skipped) where it is not installed. */
struct image {
    uint8_t *bytes;
    size_t size;
};
extern struct image code_4m, code_2m, code_smm, vars_4m, vars_2m, vars_ms;

/* cmocka group fixtures: load the images once. */
int images_load(void **state);
int images_free(void **state);
bool images_missing(void);

/* At the beginning of a test, where nothing has to be freed yet. */
#define NEED_IMAGES()                                                                                                  \
    do {                                                                                                               \
        if (images_missing())                                                                                          \
            skip();                                                                                                    \
    } while (0)

/* A guest that runs the 4M code, open with HF_OPEN_RUN. `machine` and `settings` ("policy=host", ..., NULL) may be
 * NULL. */
void guest_new(struct guest *g, const char *machine, const char *const *settings);
/* The same with other firmware and variables: Microsoft's keys are enrolled in `vars_ms`. */
void guest_new_of(struct guest *g, const struct image *code, const struct image *vars, const char *const *settings);
void guest_free(struct guest *g);
/* Closes and opens again, as after a crash of everything but the disk. */
void guest_reopen(struct guest *g);
/* Makes this process one of the host that the guest is on. guest_new() did that for its own. */
void guest_host(const struct guest *g);

/* Bytes of `image` with `n` written where no code looks; free() them. */
uint8_t *variant(const struct image *image, unsigned n);

/* Stages that variant of the 4M code; fails the test when refused. Gives its digest. */
struct hf_digest guest_stage(struct guest *g, unsigned n);
/* The same with the answer for the caller. */
int guest_try_stage(struct guest *g, const struct image *image, unsigned n, bool tpm_aware, struct hf_error *err);

/* hf_lifecycle_power_on() with nothing special, and the guest boots. */
struct hf_boot_plan guest_power_on(struct guest *g);
/* The same, and it does not: whoever was to start it failed. */
struct hf_boot_plan guest_start(struct guest *g);
struct hf_boot_plan guest_reset(struct guest *g, enum hf_ending ending, const char *held);
struct hf_boot guest_boot(struct guest *g, enum hf_moment moment);

struct hf_life_record guest_record(struct guest *g);
struct hf_digest guest_code(struct guest *g);
struct hf_digest guest_vars(struct guest *g);
/* The guest's firmware writes its variables, as a bank. */
void guest_write(struct guest *g, uint64_t offset, const char *text);

void same(struct hf_digest a, struct hf_digest b);

/* The call names `why` as its error. */
#define ok(call)                                                                                                       \
    do {                                                                                                               \
        struct hf_error why = {0};                                                                                     \
                                                                                                                       \
        if ((call) < 0)                                                                                                \
            fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call, why.text);                                            \
    } while (0)

#endif
