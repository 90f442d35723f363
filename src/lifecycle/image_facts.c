/* SPDX-License-Identifier: BSD-2-Clause */
#include "image_facts.h"

#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "cleanup.h"
#include "flash_sources.h"
#include "inspect.h"

#define KEY_SIZE (sizeof HF_FLASH_SOURCES + HF_DIGEST_TEXT_SIZE + 32)

/* Other code may tell something else of the same image, and another compiler may lay the structure out otherwise. */
static struct hf_cache_key key_of(const struct hf_digest *digest, char bytes[KEY_SIZE])
{
    char text[HF_DIGEST_TEXT_SIZE];
    int n = snprintf(bytes, KEY_SIZE, "%s %zu %s", HF_FLASH_SOURCES, sizeof(struct hf_flash_image),
                     hf_digest_text(digest, text));

    return (struct hf_cache_key){.kind = "image", .bytes = bytes, .size = (size_t)n};
}

static bool recall(const struct hf_cache_key *key, uint64_t image_size, struct hf_flash_image *image)
{
    hf_auto(hf_cleanup_free) uint8_t *value = NULL;
    struct hf_flash_image found;
    size_t size;

    if (!hf_cache_read(key, &value, &size) || size != sizeof found)
        return false;
    memcpy(&found, value, sizeof found);
    if (found.size != image_size)
        return false;
    *image = found;
    return true;
}

bool hf_image_facts_known(const struct hf_digest *digest, uint64_t size, struct hf_flash_image *image)
{
    char room[KEY_SIZE];
    struct hf_cache_key key = key_of(digest, room);

    return recall(&key, size, image);
}

int hf_image_facts(const struct hf_digest *digest, const void *bytes, size_t size, struct hf_flash_image *image,
                   struct hf_error *err)
{
    char room[KEY_SIZE];
    struct hf_cache_key key = key_of(digest, room);
    struct hf_flash_image found;
    int r;

    if (recall(&key, size, image))
        return 0;
    r = hf_image_identify(bytes, size, &found, err);
    if (r < 0)
        return r;
    found.volume_count = found.entry_count = 0;
    memset(found.volume, 0, sizeof found.volume);
    memset(found.entry, 0, sizeof found.entry);
    hf_cache_write(&key, &found, sizeof found);
    *image = found;
    return 0;
}
