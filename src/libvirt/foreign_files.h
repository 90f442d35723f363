/* SPDX-License-Identifier: BSD-2-Clause */
/* A definition that was copied names the firmware and the variables of the domain that it was copied from. */
#ifndef HF_FOREIGN_FILES_H
#define HF_FOREIGN_FILES_H

#include "domain_xml.h"

/* HF_EREFUSED "copied": loader or variables are another adopted domain's, by whatever name; the text says what to do.
 */
int hf_foreign_files_check(const struct hf_domain *d, struct hf_error *err);

#endif
