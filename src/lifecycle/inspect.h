/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at firmware bytes before they get into a slot: what they are, whether this guest can run them, and what its
 * variables become. Used by `stage` and by the policies, which obey the same rules. */
#ifndef HF_INSPECT_H
#define HF_INSPECT_H

#include <holdfast/flash_image.h>

#include "container.h"
#include "digest.h"
#include "slots.h"

struct hf_firmware {
    struct hf_flash_image image; /* without its volumes and entries: image_facts.h */
    struct hf_digest digest;
    char label[HF_SLOT_LABEL_SIZE]; /* "ovmf 4m 2022.11" */
};

/* hf_flash_identify() with its working memory found for it. HF_ENOMEM. */
int hf_image_identify(const void *bytes, size_t size, struct hf_flash_image *image, struct hf_error *err);

/* Whether the guest's architecture and machine type can run the image: HF_EREFUSED "architecture", "smm". */
int hf_image_suits(const struct hf_guest *guest, const struct hf_flash_image *image, struct hf_error *err);

/* Bytes of the flash device that the image is for. One of which nothing is known gets a device of its own size on x86,
 * which is mapped to end where the processor begins, and a whole bank on AArch64, whose banks have one size. */
uint64_t hf_code_bank_size(const struct hf_flash_image *image, const char *arch);

/* What people call firmware that has no name: "ovmf 4m smm 2022.11", enough to tell two builds apart in a log. */
void hf_firmware_describe(const struct hf_flash_image *image, char label[HF_SLOT_LABEL_SIZE]);

/* HF_ENOMEM; HF_EREFUSED "image": the bytes are no firmware that a code bank can hold. `label` may be NULL. */
int hf_firmware_inspect(const void *bytes, size_t size, const char *label, struct hf_firmware *fw,
                        struct hf_error *err);

/* What a slot holds; its owner may have put firmware there that nothing is known of. HF_ENOTFOUND: it is empty. */
int hf_firmware_of_slot(struct hf_container *c, enum hf_slot slot, struct hf_firmware *fw, struct hf_error *err);

/* The same of any image that the container has, with a label for it (NULL: what it is). HF_ENOTFOUND: it has none. */
int hf_firmware_of_image(struct hf_container *c, const struct hf_digest *code, const char *label,
                         struct hf_firmware *fw, struct hf_error *err);

/* What the guest's variables are now. A guest without a vars bank gives kind HF_FLASH_UNKNOWN and size 0. */
int hf_variables_inspect(struct hf_container *c, struct hf_flash_image *vars, struct hf_error *err);

/* Whether this guest can run `fw` with the variables it has. HF_EREFUSED with one of the rules
 *   same-image    it is the active image already
 *   architecture  it is for another architecture than the guest's
 *   kind          UEFI firmware for a BIOS guest, or the other way round
 *   smm           it needs System Management Mode, which the guest's machine type does not have
 *   layout        the guest's variables cannot be converted to the layout it was built for
 *   pair          code and variables do not belong together
 * and the reason; `*convert` says whether the variables have to be converted. */
int hf_firmware_fits(struct hf_container *c, const struct hf_firmware *fw, bool *convert, struct hf_error *err);

#endif
