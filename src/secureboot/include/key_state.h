/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's Secure Boot keys are, and whether they need something. Pure: variables in, verdict out. */
#ifndef HF_KEY_STATE_H
#define HF_KEY_STATE_H

#include "certificate.h"
#include "key_variable.h"

struct hf_known_certificate;

enum hf_key_mode {
    HF_KEYS_SETUP,  /* no PK: anybody may enrol keys and nothing is enforced, however many keys there are */
    HF_KEYS_USER,   /* enforced */
    HF_KEYS_CUSTOM, /* enforced, and the firmware's menu lets a person at the console change keys */
    HF_KEYS_OFF,    /* a PK, and Secure Boot is switched off */
};

enum hf_key_verdict {
    HF_KEYS_CURRENT,
    HF_KEYS_UPDATE,     /* certificates are missing that replace expired ones which are there */
    HF_KEYS_SETUP_MODE, /* no PK */
    HF_KEYS_MANAGED,    /* no key of Microsoft's in KEK: the owner of these keys manages them */
    HF_KEYS_UNREADABLE, /* the store or one of its lists */
};

struct hf_key_entry {
    struct hf_certificate certificate;
    const struct hf_known_certificate *known; /* NULL: not known */
    struct hf_guid owner;
    bool readable;   /* false: an entry of certificate type that is none */
    bool key_public; /* hf_certificate_key_is_public() */
};

struct hf_key_list {
    bool present;
    bool damaged; /* its sizes do not add up: firmware stops reading there */
    uint32_t attributes, size;
    struct hf_key_entry *certificates;
    size_t count;   /* of them */
    size_t digests; /* entries of other types; without those of Microsoft's version numbers */
};

/* A version number below which a boot manager must not run: an entry of dbx that is the digest of no file. */
struct hf_key_svn {
    struct hf_guid program;
    unsigned major, minor;
};
#define HF_KEY_SVNS_MAX 8

#define HF_KEY_WORDS_SIZE  512
#define HF_SBAT_LEVEL_SIZE 256

struct hf_key_state {
    enum hf_key_mode mode;
    enum hf_key_verdict verdict;
    char words[HF_KEY_WORDS_SIZE]; /* the verdict in one line: "update available: Microsoft UEFI CA 2023 (db)" */
    struct hf_key_list lists[HF_KEY_VARIABLES];
    struct hf_key_svn svns[HF_KEY_SVNS_MAX];
    size_t svn_count;
    char sbat[HF_SBAT_LEVEL_SIZE]; /* shim's SbatLevel, lines joined with "; "; "" when there is none */
};

/* HF_ENOMEM. End with hf_key_state_done(). */
int hf_key_state_read(const struct hf_var *vars, size_t count, struct hf_key_state *ret, struct hf_error *err);
/* For a store that cannot be read at all. */
void hf_key_state_unreadable(const char *why, struct hf_key_state *ret);
void hf_key_state_done(struct hf_key_state *state);

const char *hf_key_mode_text(enum hf_key_mode mode);          /* "setup", "user", "custom", "off" */
const char *hf_key_verdict_text(enum hf_key_verdict verdict); /* "current", "update available", ... */

/* Whether somebody has to do something. */
static inline bool hf_key_verdict_needs(enum hf_key_verdict verdict)
{
    return verdict != HF_KEYS_CURRENT && verdict != HF_KEYS_MANAGED;
}

/* Whether a list has the certificate of that row. */
bool hf_key_list_has(const struct hf_key_list *list, const struct hf_known_certificate *known);

#endif
