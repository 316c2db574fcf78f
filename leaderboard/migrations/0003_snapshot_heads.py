from typing import Any

from django.db import migrations

PER_SUBMISSION = {
    "submissions", "scores", "times", "profile", "ranks", "leave_one_out", "without_held_out", "not_ranked",
}


def fill_heads(apps: Any, schema_editor: Any) -> None:
    """Snapshots of before have no head yet; it is a part of their document."""
    Snapshot = apps.get_model("leaderboard", "Snapshot")
    for snapshot in Snapshot.objects.filter(head={}):
        head = {name: value for name, value in snapshot.document.items() if name not in PER_SUBMISSION}
        snapshot.head = {"origin": "run", "sources": [], **head, "ranked": len(snapshot.document.get("submissions", ()))}
        snapshot.save(update_fields=["head"])


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0002_results_from_elsewhere")]
    operations = [migrations.RunPython(fill_heads, migrations.RunPython.noop, elidable=True)]
