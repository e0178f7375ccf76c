#!/bin/bash
# Obeys MYSQL_ROOT_PASSWORD, MYSQL_ROOT_HOST, MYSQL_DATABASE, MYSQL_USER and MYSQL_PASSWORD on the first start,
# as the official image does; options come as arguments.
set -euo pipefail

data=/var/lib/mysql
[ "${1:-}" = mysqld ] && shift
# The volume may have been made by the engine for root.
chown mysql:mysql "$data"

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g")"; }

first_statements() {
    local name="${MYSQL_DATABASE:-}" user="${MYSQL_USER:-}" host="${MYSQL_ROOT_HOST:-%}"
    echo "FLUSH PRIVILEGES;"
    echo "ALTER USER root@localhost IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    echo "CREATE USER root@$(quoted "$host") IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    echo "GRANT ALL ON *.* TO root@$(quoted "$host") WITH GRANT OPTION;"
    [ -z "$name" ] || echo "CREATE DATABASE IF NOT EXISTS \`$name\` CHARACTER SET utf8mb4;"
    if [ -n "$user" ] && [ "$user" != root ]; then
        echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "${MYSQL_PASSWORD:-}");"
        [ -z "$name" ] || echo "GRANT ALL ON \`$name\`.* TO $(quoted "$user")@'%';"
    fi
}

# As RDS does: who makes the instance says master user and password, also where one of this name has left its data.
password_statements() {
    local name="${MYSQL_DATABASE:-}" user="${MYSQL_USER:-}" host="${MYSQL_ROOT_HOST:-%}"
    echo "FLUSH PRIVILEGES;"
    echo "ALTER USER root@localhost IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    echo "ALTER USER root@$(quoted "$host") IDENTIFIED BY $(quoted "$MYSQL_ROOT_PASSWORD");"
    [ -z "$name" ] || echo "CREATE DATABASE IF NOT EXISTS \`$name\` CHARACTER SET utf8mb4;"
    if [ -n "$user" ] && [ "$user" != root ]; then
        echo "CREATE USER IF NOT EXISTS $(quoted "$user")@'%';"
        echo "ALTER USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "${MYSQL_PASSWORD:-}");"
        [ -z "$name" ] || echo "GRANT ALL ON \`$name\`.* TO $(quoted "$user")@'%';"
    fi
}

# Who only starts the instance again says the password that it was made with. Since then it may have been rotated.
given=$(printf '%s:%s' "$MYSQL_ROOT_PASSWORD" "${MYSQL_PASSWORD:-}" | sha256sum)

# The mark is set when all is there, so that a container stopped meanwhile starts over.
if [ ! -e "$data/.complete" ]; then
    find "$data" -mindepth 1 -delete
    mariadb-install-db --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal >/dev/null
    first_statements | mariadbd --user=mysql --datadir="$data" --bootstrap
    touch "$data/.complete"
elif [ "$given" != "$(cat "$data/.given" 2>/dev/null)" ]; then
    password_statements | mariadbd --user=mysql --datadir="$data" --bootstrap
fi
echo "$given" >"$data/.given"
exec mariadbd --user=mysql --datadir="$data" --bind-address=0.0.0.0 --port=3306 \
    --socket=/run/mysqld/mysqld.sock --character-set-server=utf8mb4 --skip-name-resolve --console "$@"
