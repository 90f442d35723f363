/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A UEFI variable store as it lies on flash: read, edit, convert, without losing anything.
 *
 * A *bank* is the whole flash image. A *variable* is found by vendor GUID and name together: one name may exist under
 * several GUIDs. Reading copies nothing: a struct hf_var points into the bank it was read from and lives as long as
 * those bytes stay as they are. The caller lends an array for the variables, hf_varstore_max() entries at most.
 *
 * An interrupted rewrite (see ftw.h) is seen as firmware will see it: the variables are read from the spare area where
 * that is where the truth lies, and the first edit puts them in place.
 *
 * Freestanding; no state; any thread may read the same bytes.
 */
#ifndef HOLDFAST_VARSTORE_H
#define HOLDFAST_VARSTORE_H

#include <holdfast/flash_image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Attributes of a variable (UEFI specification, 8.2). */
enum {
    HF_VAR_NON_VOLATILE = 0x01,
    HF_VAR_BOOT = 0x02,
    HF_VAR_RUNTIME = 0x04,
    HF_VAR_HARDWARE_ERROR = 0x08,
    HF_VAR_AUTHENTICATED = 0x10, /* by a counter; no longer used */
    HF_VAR_TIME_AUTHENTICATED = 0x20,
    HF_VAR_APPEND = 0x40,   /* of a request, never stored */
    HF_VAR_ENHANCED = 0x80, /* authenticated the newest way */
};

struct hf_var {
    struct hf_guid guid;
    uint32_t attributes;
    const uint8_t *name; /* UCS-2, little-endian, with its NUL */
    uint32_t name_size;  /* bytes, the NUL included; even */
    const uint8_t *data;
    uint32_t data_size;
    /* Only in authenticated stores; zeros in plain ones. */
    uint64_t count;     /* monotonic count */
    uint8_t time[16];   /* EFI_TIME as stored */
    uint32_t key_index; /* public key index */
    uint8_t state;      /* as found: 0x3F, or 0x3E when its successor was never finished */
    uint32_t at;        /* offset in the bank of its header */
    uint32_t next;      /* of the lookup table; not for callers */
};

enum hf_varstore_mode {
    HF_VARSTORE_STRICT,  /* what firmware itself would not leave behind is an error that names the place */
    HF_VARSTORE_SALVAGE, /* whatever can be used is; the rest is reported, byte range by byte range */
};

/* Salvage: bank[at .. at + length) could not be used. */
typedef void (*hf_varstore_lost)(void *opaque, size_t at, size_t length, const char *why);

#define HF_VARSTORE_BUCKETS 512

struct hf_varstore {
    enum hf_layout layout;
    bool authenticated; /* variables carry time, count and key index */
    bool blank;         /* not formatted yet; no variables */
    bool pending;       /* read from the spare area: an interrupted rewrite waits to be finished */
    bool torn;          /* a variable was being written when the power went; firmware ignores it, so do we */
    const uint8_t *bank;
    size_t size;
    struct hf_var *vars; /* the caller's array, in the order on flash */
    size_t count, capacity;
    size_t room;                          /* bytes for variables, headers included */
    size_t used;                          /* of them taken, dead variables included */
    size_t live;                          /* of them needed by the variables in `vars` */
    uint32_t bucket[HF_VARSTORE_BUCKETS]; /* heads of the lookup chains, index + 1 */
};

/* How many variables a bank of this size can hold at most. */
HF_PUBLIC size_t hf_varstore_max(size_t bank_size);

/* Reads a bank. `vars` has `capacity` entries and is used until the store is. `lost` may be NULL. Errors:
 * HF_EDAMAGED (strict: the text says where and what; salvage: not even a layout could be told), HF_ENOMEM (more
 * variables than `capacity`). */
HF_PUBLIC int hf_varstore_open(const void *bank, size_t size, enum hf_varstore_mode mode, struct hf_var *vars,
                               size_t capacity, hf_varstore_lost lost, void *opaque, struct hf_varstore *store,
                               struct hf_error *err);

/* NULL when there is no such variable. `name_size` counts bytes with the NUL. */
HF_PUBLIC const struct hf_var *hf_varstore_find(const struct hf_varstore *store, const struct hf_guid *guid,
                                                const uint8_t *name, uint32_t name_size);

/* Bytes a variable takes in a store of that kind, alignment included. */
HF_PUBLIC size_t hf_var_footprint(const struct hf_var *var, bool authenticated);

/* Equal in everything that counts: key, attributes, data, time, count, key index. */
HF_PUBLIC bool hf_var_equal(const struct hf_var *a, const struct hf_var *b);
HF_PUBLIC bool hf_var_same_key(const struct hf_var *a, const struct hf_var *b);

/* Can only the holder of a key change it from inside the guest? */
HF_PUBLIC bool hf_var_authenticated(const struct hf_var *var);

/* Writes an empty store: headers, empty working block, everything else erased; bytes past the volume become zeros.
 * HF_EUSAGE when `size` is neither the layout's volume nor its bank. */
HF_PUBLIC int hf_varstore_format(void *bank, size_t size, enum hf_layout layout, struct hf_error *err);

enum {
    HF_EDIT_AUTHENTICATED = 1, /* allow changing a variable that only its key's holder should change */
    HF_EDIT_RAW = 2,           /* set: take time, count and key index from `var` (else zeros, or what was there) */
};

/* Sets one variable (replacing the one with the same key) or deletes it. `bank` must be the bytes `store` was opened
 * from, strictly (a salvaged store is converted, not edited). All other variables keep their bytes; dead ones are
 * cleared away only when the room is needed. A pending rewrite is finished first, a blank bank formatted. Afterwards
 * `store` is opened anew, so pointers from before are stale. `var`'s name and data must not lie in the bank. On failure
 * the bank is as before. Errors: HF_EUSAGE (attributes or name), HF_EREFUSED (rule "authenticated"), HF_ENOSPC (with
 * the numbers), HF_ENOTFOUND (delete). */
HF_PUBLIC int hf_varstore_set(void *bank, struct hf_varstore *store, const struct hf_var *var, unsigned flags,
                              struct hf_error *err);
HF_PUBLIC int hf_varstore_delete(void *bank, struct hf_varstore *store, const struct hf_guid *guid, const uint8_t *name,
                                 uint32_t name_size, unsigned flags, struct hf_error *err);

/* Drops dead variables. */
HF_PUBLIC int hf_varstore_reclaim(void *bank, struct hf_varstore *store, struct hf_error *err);

/* Finishes an interrupted rewrite as firmware would. Nothing to do is no error. */
HF_PUBLIC int hf_varstore_replay(void *bank, struct hf_varstore *store, struct hf_error *err);

/* Writes all variables of `from` into a fresh bank of another (or the same) layout, then reads it back and compares.
 * `out` must not overlap the source; `out_size` as for hf_varstore_format(); `to_vars` has `capacity` entries and
 * `to` is the store read back. HF_ENOSPC with the numbers when it does not fit; then `out` holds rubbish. */
HF_PUBLIC int hf_varstore_convert(const struct hf_varstore *from, enum hf_layout layout, void *out, size_t out_size,
                                  struct hf_var *to_vars, size_t capacity, struct hf_varstore *to,
                                  struct hf_error *err);

/* The first variable of `a` that `b` lacks or has otherwise; NULL when every one of a's is in b. */
HF_PUBLIC const struct hf_var *hf_varstore_missing(const struct hf_varstore *a, const struct hf_varstore *b);

#ifdef __cplusplus
}
#endif
#endif
