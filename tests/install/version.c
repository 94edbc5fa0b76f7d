/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a user of the installed library writes first: says its version, and whether there is a Xen
 * below. */
#include <sr.h>
#include <stdio.h>

int main(void)
{
    struct sr_error error = {.size = sizeof error};
    sr_host* host = NULL;
    printf("libsr %s\n", sr_version());
    if (sr_host_open(NULL, &host, &error) != 0) {
        fprintf(stderr, "no Xen here: %s (%s)\n", error.message,
                sr_error_class_name(error.error_class));
        return 2;
    }
    puts("there is a Xen here");
    sr_host_close(host);
    return 0;
}
