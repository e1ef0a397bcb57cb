#!/bin/sh
# trim.sh PREFIX: remove from installed packages what no program reads: their tests, headers, sources, and the
# descriptions of the web services that are not object storage.
set -eu
packages=$(echo "$1"/lib/python3*/site-packages)
cd "$packages"
rm -rf pyarrow/include pyarrow/tests pyarrow/src
find . -type d -name tests -path '*/numpy/*' -prune -exec rm -rf {} +
find . -type d -name tests -path '*/pandas/*' -prune -exec rm -rf {} +
find . \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -type f -delete
for service in botocore/data/*/; do
    case "$service" in
        botocore/data/s3/ | botocore/data/sts/ | botocore/data/sso/ | botocore/data/sso-oidc/) ;;
        *) rm -rf "$service" ;;
    esac
done
