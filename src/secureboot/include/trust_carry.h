/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Going back to earlier variables without going back in trust. What was added since then to db, KEK, dbx and MokListX,
 * and a newer SbatLevel, is put into them; all else is as it was. The result is checked before anybody uses it: the
 * lists never stood together before. Variables in, variables out.
 */
#ifndef HF_TRUST_CARRY_H
#define HF_TRUST_CARRY_H

#include <holdfast/varstore.h>

enum { HF_CARRY_OLD_DBX = 1 }; /* the dbx goes back with the rest */

#define HF_CARRIED_SIZE 64

/* `then`, opened from `bank`, gets what `now` knows more. `carried` names the variables: "db, dbx"; "" for none.
 * HF_EREFUSED "carry", with the reason, and `bank` is to be thrown away:
 *   - a variable does not fit, or is larger than the firmware of that layout would ever write again;
 *   - `now` enforces Secure Boot and the result would not;
 *   - db would vouch for nothing that dbx does not forbid, and does in `now`.
 * HF_ENOMEM. */
int hf_trust_carry(const struct hf_varstore *now, void *bank, struct hf_varstore *then, unsigned flags,
                   char carried[HF_CARRIED_SIZE], struct hf_error *err);

/* Whether db has an entry left that counts: a certificate that is not in dbx, itself or by its digest, and that no
 * certificate in dbx has signed; or the digest of a program that is not in dbx. A dbx that cannot be read forbids
 * everything. */
bool hf_trust_vouches(const struct hf_varstore *store);

#endif
