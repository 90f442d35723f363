/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory of signed updates, as efitools makes them for enrolment: PK.auth, KEK.auth, db.auth, dbx.auth, whose
 * signature lists are the variables. Other files in it (certificates, keys, lists) are not looked at.
 */
#ifndef HF_VAR_AUTH_DIRECTORY_H
#define HF_VAR_AUTH_DIRECTORY_H

#include "var_set.h"

/* Whether it holds a file *.auth. */
bool hf_var_auth_directory_is(const char *path);

/* The path of the file that updates the variable of that name; allocated. NULL: there is none. HF_ENOMEM, HF_EIO. */
int hf_var_auth_directory_find(const char *directory, const char *variable, char **path, struct hf_error *err);

/* The variables, each with its update's time and the attributes that it must have. Signatures are not verified: nothing
 * here could vouch for them. One that removes a variable (it holds nothing) is left out. HF_EDAMAGED: a file *.auth
 * that is no signed update, or is called after no variable of Secure Boot; the text names it. HF_EIO, HF_ENOMEM. */
int hf_var_auth_directory_read(const char *path, struct hf_var_set *set, struct hf_error *err);

#endif
