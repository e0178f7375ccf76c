"""A restored database is the original, whatever is in it, and what differs is found."""

from __future__ import annotations

import json
import random
import struct
import uuid
from typing import Any

import boto3
import pymysql
import pytest

from database import commands
from database.commands import RefusedError
from database.dump import DumpError
from database.rows import PART_BYTES, Column, Table, Writer, parts
from tests.servers import MariaDb

PROGRAMS = {
    "SELECT": "SELECT 1",
    "text that looks like rows": "SELECT '\nINSERT INTO `orders` VALUES\n(1);'",
    "text that looks like a table": "SELECT '\nCREATE TABLE `more` (\n-- Dump completed'",
    "delimiters": "SELECT ';;' AS a, '//' AS b, 'DELIMITER x\nend_0$$'",
    "a definer": "SELECT 'x\nCREATE DEFINER=`a`@`b` PROCEDURE'",
    "comments": "SELECT /* kept */ 1 -- kept; it's\n# kept, too\n",
    "lines of Windows": "SELECT 1,\r\n  2,\r\n  'a\r\nb'",
    "a client's command": "SELECT 1\nsystem\n FROM (SELECT 1 AS a) AS `t\\! x`",
    "text that is not ASCII": "SELECT 'äé日本🦜'",
}


@pytest.fixture
def settings(user: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the commands, with a bucket of its own."""
    bucket = f"fidelity-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    own = {
        "DB_NAME": user,
        "DB_SECRET": secret,
        "BACKUP_BUCKET": bucket,
        "BACKUP_KEY": "exports/one",
        "RESULT_KEY": "result.json",
        "RESTORE_REPLACES": "true",
    }
    for name, text in own.items():
        monkeypatch.setenv(name, text)
    return own


@pytest.fixture(autouse=True)
def packet(mariadb: MariaDb) -> None:
    """A server that takes long values; what others set does not stay."""
    mariadb.sql("SET GLOBAL max_allowed_packet = 16777216")


def go_round() -> None:
    """Replace the database by its backup."""
    for name in ("export", "restore", "compare"):
        commands.main([name])


def document(settings: dict[str, str], key: str) -> Any:
    return json.loads(boto3.client("s3").get_object(Bucket=settings["BACKUP_BUCKET"], Key=key)["Body"].read())


def execute(mariadb: MariaDb, database: str, *statements: str, sql_mode: str = "", charset: str = "utf8mb4") -> None:
    """Run statements as they are, which the client program would not."""
    connection = pymysql.connect(unix_socket=str(mariadb.socket), user="root", database=database, charset=charset)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = %s", (sql_mode,))
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def shown(mariadb: MariaDb, database: str, statement: str) -> str:
    """What a server shows, without who made it."""
    return mariadb.sql(statement, database).replace(f"`{database}`@`%`", "`root`@`localhost`")


@pytest.mark.parametrize("table", ["InnoDB", "Aria"])
def test_floats_are_the_same_bit_by_bit(mariadb: MariaDb, settings: dict[str, str], user: str, table: str) -> None:
    dice = random.Random(1)  # noqa: S311  # the same values in every run
    floats = [struct.unpack("<f", struct.pack("<I", dice.getrandbits(32)))[0] for _ in range(2000)]
    doubles = [struct.unpack("<d", struct.pack("<Q", dice.getrandbits(64)))[0] for _ in range(2000)]
    pairs = [(f, d) for f, d in zip(floats, doubles, strict=True) if abs(f) < 1e39 and abs(d) < 1e309]
    pairs += [(-0.0, -0.0), (1e-45, 5e-324), (3.4028234663852886e38, 1.7976931348623157e308), (16777217, 0.1)]
    rows = ",".join(f"({f!r}, {d!r}, {f!r})" for f, d in pairs)
    execute(
        mariadb,
        user,
        f"CREATE TABLE measured (k INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, d DOUBLE, g FLOAT, fixed FLOAT(9,3))"
        f" ENGINE={table}",
        f"INSERT INTO measured (f, d, g) VALUES {rows}",
        "UPDATE measured SET fixed = f WHERE ABS(f) < 100000",
    )
    ask = "SELECT f * 1e0, d, g * 1e0, fixed * 1e0 FROM measured ORDER BY k"
    before = mariadb.sql(ask, user)
    go_round()
    assert mariadb.sql(ask, user) == before


def test_smallest_change_of_a_float_is_found(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    mariadb.sql("CREATE TABLE measured (k INT PRIMARY KEY, v FLOAT); INSERT INTO measured VALUES (1, 123456792)", user)
    go_round()
    mariadb.sql("UPDATE measured SET v = 123456800", user)
    with pytest.raises(RefusedError, match=r"measured \(has other rows\)"):
        commands.main(["compare"])


def test_values_of_all_types_come_back(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    every = "".join(map(chr, range(256))) + "日本🦜"
    execute(
        mariadb,
        user,
        "CREATE TABLE kinds (k INT PRIMARY KEY, b BIT(9), flag BIT, bin BINARY(4), vb VARBINARY(300), t TEXT,"
        " l VARCHAR(300) CHARACTER SET latin1, e ENUM('a','b\\'c'), s SET('x','y'), d DATETIME(6), ts TIMESTAMP NULL,"
        " zero DATE DEFAULT '0000-00-00', y YEAR, z INT(5) ZEROFILL, big BIGINT UNSIGNED, dec_ DECIMAL(65,30),"
        " j JSON, g GEOMETRY, i INET6, u UUID, tm TIME(3))",
        f"INSERT INTO kinds VALUES (1, 257, 1, 0x00ff, 0x{bytes(range(256)).hex()}, 0x{every.encode().hex()},"
        " 'äöü', 'b\\'c', 'x,y', '2026-01-01 00:00:00.000001', '2026-03-29 02:30:00', '0000-00-00', 0, 7,"
        " 18446744073709551615, 12345678901234567890123456789012345.123456789012345678901234567891,"
        " '{\"a\": [1.0, \"\\\\u00e4\"]}', ST_GeomFromText('LINESTRING(0 0, 1.1 2.2)', 4326), '::1', UUID(),"
        " '-838:59:58.999')",
        "INSERT INTO kinds (k, bin, vb, t, e, zero, d) VALUES (0, '', '', '', 3, '2026-00-00', 0)",
        "INSERT INTO kinds (k, t) VALUES (-1, NULL), (2, 'NULL'), (3, '\\\\N')",
    )
    before = mariadb.sql("CHECKSUM TABLE kinds EXTENDED", user)
    go_round()
    assert mariadb.sql("CHECKSUM TABLE kinds EXTENDED", user) == before


def test_names_of_all_sorts_come_back(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    names = [
        "with space",
        "dollar$",
        "back`tick",
        'quo"te',
        "apo'strophe",
        "semi;colon",
        "日本",
        "select",
        "per%cent",
        "-- x",
    ]
    for name in names:
        quoted = "`" + name.replace("`", "``") + "`"
        execute(
            mariadb,
            user,
            f"CREATE TABLE {quoted} ({quoted} INT PRIMARY KEY, f FLOAT)",
            f"INSERT INTO {quoted} VALUES (1, 16777217)",
        )
    go_round()
    assert {
        name: table["rows"] for name, table in document(settings, "exports/one.json")["tables"].items()
    } == dict.fromkeys(names, 1)


def test_generated_and_invisible_columns_come_back_and_count(
    mariadb: MariaDb, settings: dict[str, str], user: str
) -> None:
    execute(
        mariadb,
        user,
        "CREATE TABLE made (k INT PRIMARY KEY, v INT, twice INT AS (v * 2) STORED, thrice INT AS (v * 3) VIRTUAL,"
        " UNIQUE (twice))",
        "INSERT INTO made (k, v) VALUES (1, 5), (2, 6)",
        "CREATE TABLE hidden (k INT PRIMARY KEY, h INT INVISIBLE DEFAULT 3)",
        "INSERT INTO hidden (k, h) VALUES (1, 9), (2, 10)",
    )
    ask = "SELECT k, twice, thrice FROM made; SELECT k, h FROM hidden"
    before = mariadb.sql(ask, user)
    go_round()
    assert mariadb.sql(ask, user) == before
    mariadb.sql("UPDATE hidden SET h = 11 WHERE k = 2", user)
    with pytest.raises(RefusedError, match=r"hidden \(has other rows\)"):
        commands.main(["compare"])


def test_history_of_a_table_comes_back(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    execute(
        mariadb,
        user,
        "CREATE TABLE kept (k INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
        "CREATE TABLE named (k INT PRIMARY KEY, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START,"
        " until TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until))"
        " WITH SYSTEM VERSIONING",
        "INSERT INTO kept VALUES (1, 1), (2, 2)",
        "INSERT INTO named (k) VALUES (1)",
    )
    execute(mariadb, user, "UPDATE kept SET v = 3 WHERE k = 1", "DELETE FROM kept WHERE k = 2", "DELETE FROM named")
    ask = (
        "SET time_zone = '+00:00'; SELECT k, v, row_start, row_end FROM kept FOR SYSTEM_TIME ALL ORDER BY k, row_start;"
        "SELECT k, since, until FROM named FOR SYSTEM_TIME ALL"
    )
    before = mariadb.sql(ask, user)
    go_round()
    assert mariadb.sql(ask, user) == before
    assert len(before.splitlines()) == 4


@pytest.mark.parametrize("kind", ["LONGBLOB", "LONGTEXT", "JSON"])
@pytest.mark.parametrize("key", ["k INT PRIMARY KEY", "k INT"])
def test_value_as_long_as_the_server_takes_comes_back(
    mariadb: MariaDb, settings: dict[str, str], user: str, kind: str, key: str
) -> None:
    # As many bytes as escaping doubles, and characters of more than one byte at every possible cut.
    text = (
        "JSON_QUOTE(REPEAT('日本x', 2000000))"
        if kind == "JSON"
        else "REPEAT(CONCAT('日本🦜x', CHAR(39, 92, 0, 10)), 1000000)"
    )
    mariadb.sql(f"CREATE TABLE wide ({key}, a INT, v {kind}, w {kind})", user)
    mariadb.sql(f"INSERT INTO wide VALUES (1, 2, {text}, NULL), (2, 3, '1', {text}), (3, 4, '2', '3')", user)
    ask = "SELECT k, a, LENGTH(v), MD5(v), LENGTH(w), MD5(w) FROM wide ORDER BY k"
    before = mariadb.sql(ask, user)
    go_round()
    assert mariadb.sql(ask, user) == before


def test_server_that_would_shorten_a_value_is_refused_before_anything_is_touched(
    mariadb: MariaDb, settings: dict[str, str], user: str
) -> None:
    mariadb.sql("CREATE TABLE wide (k INT PRIMARY KEY, v LONGBLOB)", user)
    mariadb.sql("INSERT INTO wide VALUES (1, REPEAT('x', 12000000))", user)
    commands.main(["export"])
    mariadb.sql("SET GLOBAL max_allowed_packet = 8388608")
    with pytest.raises(
        RefusedError, match="a value of 12000000 bytes, and max_allowed_packet of the server is 8388608"
    ):
        commands.main(["restore"])
    assert mariadb.sql("SELECT COUNT(*) FROM wide", user) == "1"


@pytest.mark.parametrize(
    "options",
    [
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CHARACTER SET latin1 COLLATE latin1_german1_ci",
        "COMMENT 'the shop''s \\\\ own'",
    ],
)
def test_defaults_of_the_database_come_back_and_are_compared(
    mariadb: MariaDb, settings: dict[str, str], user: str, options: str
) -> None:
    mariadb.sql(f"ALTER DATABASE {user} {options}; CREATE TABLE {user}.old (k INT PRIMARY KEY, v VARCHAR(10))")
    ask = f"SHOW CREATE DATABASE {user}"
    before = mariadb.sql(ask)
    go_round()
    assert mariadb.sql(ask) == before
    mariadb.sql(f"ALTER DATABASE {user} COLLATE latin1_bin COMMENT ''")
    with pytest.raises(RefusedError, match="the database \\(has "):
        commands.main(["compare"])


@pytest.mark.parametrize("what", PROGRAMS)
@pytest.mark.parametrize("sql_mode", ["", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"])
def test_programs_come_back_to_the_letter(
    mariadb: MariaDb, settings: dict[str, str], user: str, what: str, sql_mode: str
) -> None:
    body = PROGRAMS[what]
    execute(
        mariadb,
        user,
        "CREATE TABLE orders (id INT PRIMARY KEY)",
        f"CREATE PROCEDURE `a ``proc`(IN x VARCHAR(9)) COMMENT 'DEFINER=`x`@`y`' BEGIN {body}; END",
        "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
        f"CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DISABLE COMMENT 'it''s' DO BEGIN {body}; END",
        "CREATE TRIGGER t1 BEFORE INSERT ON orders FOR EACH ROW BEGIN SET @a = 'DEFINER=`x`@`y`'; END",
        "CREATE TRIGGER t2 BEFORE INSERT ON orders FOR EACH ROW PRECEDES t1 BEGIN"
        "\nINSERT INTO `orders` VALUES\n(1); END",
        sql_mode=sql_mode,
    )
    ask = "; ".join(
        ["SHOW CREATE PROCEDURE `a ``proc`", "SHOW CREATE FUNCTION f", "SHOW CREATE EVENT e",
         "SELECT trigger_name, action_order, action_statement, sql_mode FROM information_schema.triggers"
         " WHERE trigger_schema = DATABASE() ORDER BY 1"]
    )  # fmt: skip
    before = shown(mariadb, user, ask)
    go_round()
    assert shown(mariadb, user, ask).replace('"' + user + '"@"%"', '"root"@"localhost"') == before
    assert all(table["rows"] == 0 for table in document(settings, "exports/one.json")["tables"].values())


def test_programs_keep_the_character_set_of_who_made_them(
    mariadb: MariaDb, settings: dict[str, str], user: str
) -> None:
    execute(mariadb, user, "CREATE PROCEDURE p() SELECT 'äöü'", "CREATE VIEW v AS SELECT 'äöü' AS c", charset="latin1")
    mariadb.sql(f"ALTER DATABASE {user} COLLATE utf8mb4_unicode_ci; CREATE PROCEDURE {user}.q(x TEXT) SELECT x")
    ask = "CALL p(); SELECT c FROM v; SELECT LENGTH(c) FROM v"
    before = mariadb.sql(ask, user)
    collations = (
        "SELECT routine_name, character_set_client, collation_connection, database_collation"
        " FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1"
    )
    sessions = mariadb.sql(collations, user)
    go_round()
    assert mariadb.sql(ask, user) == before
    assert mariadb.sql(collations, user) == sessions


def test_views_that_need_each_other_come_back(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    execute(
        mariadb,
        user,
        "CREATE TABLE t (k INT PRIMARY KEY, f FLOAT)",
        "INSERT INTO t VALUES (1, 0.1)",
        "CREATE VIEW z AS SELECT k, 'DEFINER=`x`@`y`' AS c FROM t",
        "CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT MAX(k) FROM z)",
        "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `a b` AS SELECT k FROM z WHERE k < 5 WITH LOCAL CHECK OPTION",
        "CREATE VIEW counted AS SELECT f() AS f FROM `a b`",
    )
    ask = "SHOW CREATE VIEW z; SHOW CREATE VIEW `a b`; SHOW CREATE VIEW counted; SELECT * FROM counted"
    before = shown(mariadb, user, ask)
    go_round()
    assert shown(mariadb, user, ask) == before


def test_view_that_cannot_be_restored_is_not_exported(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    mariadb.sql("CREATE TABLE t (k INT); CREATE VIEW v AS SELECT k FROM t; DROP TABLE t", user)
    with pytest.raises(DumpError, match="the view v is invalid"):
        commands.main(["export"])


def test_tables_come_back_with_everything_that_belongs_to_them(
    mariadb: MariaDb, settings: dict[str, str], user: str
) -> None:
    execute(
        mariadb,
        user,
        "CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 2 MAXVALUE 50 CACHE 3 CYCLE",
        "SELECT NEXTVAL(numbers)",
        "SET foreign_key_checks = 0",
        "CREATE TABLE child (k INT PRIMARY KEY, p INT, CONSTRAINT c FOREIGN KEY (p) REFERENCES parent (k)"
        " ON DELETE CASCADE, CHECK (p <> 7)) COMMENT 'x AUTO_INCREMENT=9 DEFINER=`x`@`y`\n) ENGINE=InnoDB'",
        "CREATE TABLE parent (k INT PRIMARY KEY AUTO_INCREMENT, n INT DEFAULT (NEXTVAL(numbers)), v INT COMMENT"
        " ' AUTO_INCREMENT=9') AUTO_INCREMENT=500",
        "INSERT INTO parent (k) VALUES (0 + 3), (4)",
        "INSERT INTO child VALUES (1, 3)",
        "CREATE TABLE split (k INT PRIMARY KEY, v INT) PARTITION BY RANGE (k) (PARTITION a VALUES LESS THAN (10),"
        " PARTITION b VALUES LESS THAN MAXVALUE)",
        "INSERT INTO split VALUES (1, 1), (11, 1)",
        "CREATE TABLE zero (k INT PRIMARY KEY AUTO_INCREMENT)",
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
        "INSERT INTO zero VALUES (0), (7)",
        "DELETE FROM zero WHERE k = 7",
    )
    names = ("child", "parent", "split", "zero")
    ask = "; ".join(f"SHOW CREATE TABLE {name}; SELECT * FROM {name}" for name in names)
    ask += "; SHOW CREATE SEQUENCE numbers; SELECT PREVIOUS VALUE FOR numbers, next_not_cached_value FROM numbers"
    before = mariadb.sql(ask, user)
    go_round()
    assert mariadb.sql(ask, user) == before


CHANGES = {
    r"parent \(goes on counting with \d+ in place of 500\)": "ALTER TABLE parent AUTO_INCREMENT = 9",
    r"parent \(has another definition\)": "ALTER TABLE parent MODIFY v INT COMMENT ' AUTO_INCREMENT=10'",
    r"view v \(has another definition\)": "ALTER VIEW v AS SELECT 2 AS c",
    r"view v \(is missing\)": "DROP VIEW v",
    r"view w \(is not in the backup\)": "CREATE VIEW w AS SELECT 1",
    r"procedure p \(has another definition\)": "DROP PROCEDURE p; CREATE PROCEDURE p() SELECT 2",
    r"function f \(is missing\)": "DROP FUNCTION f",
    r"trigger t1 \(has another definition\).*trigger t2 \(has another definition\)": "DROP TRIGGER t1; CREATE TRIGGER"
    " t1 BEFORE INSERT ON parent FOR EACH ROW SET @a = 1",
    r"event e \(has another definition\)": "ALTER EVENT e COMMENT 'other'",
    r"sequence s \(has another definition\)": "SELECT SETVAL(s, 100)",
}


@pytest.mark.parametrize("difference", CHANGES)
def test_difference_of_anything_is_found(
    mariadb: MariaDb, settings: dict[str, str], user: str, difference: str
) -> None:
    mode = "SET sql_mode = '';"
    mariadb.sql(
        mode + "CREATE TABLE parent (k INT PRIMARY KEY AUTO_INCREMENT, v INT COMMENT ' AUTO_INCREMENT=9')"
        " AUTO_INCREMENT=500; CREATE VIEW v AS SELECT 1 AS c; CREATE PROCEDURE p() SELECT 1;"
        "CREATE FUNCTION f() RETURNS INT RETURN 1; CREATE TRIGGER t1 BEFORE INSERT ON parent FOR EACH ROW SET @a = 1;"
        "CREATE TRIGGER t2 BEFORE INSERT ON parent FOR EACH ROW SET @a = 2; CREATE SEQUENCE s;"
        "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DO SET @a = 1",
        user,
    )
    go_round()
    mariadb.sql(mode + CHANGES[difference], user)
    with pytest.raises(RefusedError, match=difference):
        commands.main(["compare"])
    assert document(settings, "result.json")["equal"] is False


def test_session_in_which_a_program_was_made_is_compared(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    make = "CREATE PROCEDURE p() SELECT 1"
    mariadb.sql(f"SET sql_mode = ''; {make}", user)
    go_round()
    mariadb.sql(f"DROP PROCEDURE p; SET sql_mode = 'ANSI'; {make}", user)
    with pytest.raises(RefusedError, match=r"procedure p \(has another definition\)"):
        commands.main(["compare"])


def test_backup_that_says_nothing_of_objects_is_compared_by_its_tables() -> None:
    table = {"rows": 1, "checksum": "a", "definition": "d"}
    found = {"tables": {"t": {**table, "counter": 5, "widest": 0}}, "objects": {"view v": "x"}, "options": {}}
    assert commands.comparison({"tables": {"t": table}}, found)["equal"] is True


def test_object_that_changed_while_a_snapshot_was_taken_need_only_be_there() -> None:
    assert commands.object_difference("", "x") == ""
    assert commands.object_difference("", None) == "is missing"
    assert commands.object_difference("y", "x") == "has another definition"


def test_triggers_do_not_fire_while_rows_are_loaded(mariadb: MariaDb, settings: dict[str, str], user: str) -> None:
    mariadb.sql(
        "CREATE TABLE a (k INT PRIMARY KEY); CREATE TABLE z (k INT);"
        "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW INSERT INTO z VALUES (NEW.k); INSERT INTO a VALUES (1)",
        user,
    )
    go_round()
    assert mariadb.sql("SELECT COUNT(*) FROM z", user) == "1"


def test_server_in_another_mode_and_time_zone_makes_the_same_dump(
    mariadb: MariaDb, settings: dict[str, str], user: str
) -> None:
    mariadb.sql(
        "CREATE TABLE t (k INT PRIMARY KEY, v VARCHAR(9), at TIMESTAMP NULL); INSERT INTO t VALUES"
        " (1, 'a\\\\b', '2026-03-29 01:30:00')",
        user,
    )
    commands.main(["export"])
    (mode, zone) = mariadb.sql("SELECT @@global.sql_mode, @@global.time_zone").split("\t")
    try:
        mariadb.sql(
            "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES', GLOBAL time_zone = '+05:00'"
        )
        commands.main(["compare"])
        commands.main(["restore"])
        commands.main(["compare"])
    finally:
        mariadb.sql(f"SET GLOBAL sql_mode = '{mode}', GLOBAL time_zone = '{zone}'")


def test_parts_of_a_text_are_cut_between_characters() -> None:
    value = ("x" + "🦜" * PART_BYTES).encode()
    found = list(parts(value, is_text=True))
    assert b"".join(found) == value
    assert len(found) > 3
    assert all(part.decode() and len(part) <= PART_BYTES for part in found)


def test_statements_stay_below_what_every_server_takes() -> None:
    table = Table("definition")
    writer = Writer("t", [Column("k", "int"), Column("v", "longblob")], table)
    rows = [(b"%d" % number, b"x" * size) for number, size in enumerate([10, 100_000, 3_000_000, 400_000] * 3)]
    assert max(map(len, writer.statements(rows))) < 3 << 20
    assert table.rows == 12
    assert table.widest == 3_000_000
