/* SPDX-License-Identifier: BSD-2-Clause */
/* Two words a line, separated by a tabulator, as QEMU would be given them: prints what is left of them. */
#include <stdio.h>
#include <string.h>

#include "stub_arguments.h"

int main(void)
{
    char line[4096];

    while (fgets(line, sizeof line, stdin)) {
        char *words[2] = {line, strchr(line, '\t')};
        struct hf_stub stub;

        line[strcspn(line, "\n")] = '\0';
        if (!words[1])
            return 1;
        *words[1]++ = '\0';
        if (hf_stub_arguments(2, words, &stub, NULL) < 0)
            return 1;
        for (size_t i = 0; i < stub.words.count; i++)
            printf("%s%s", i ? " " : "", stub.words.at[i]);
        (void)putchar('\n');
        hf_stub_done(&stub);
    }
    return 0;
}
