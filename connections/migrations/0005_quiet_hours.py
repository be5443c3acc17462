from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0004_description'),
    ]

    operations = [
        migrations.AddField(
            model_name='connection',
            name='quiet_hours',
            field=models.CharField(blank=True, default='', max_length=11, verbose_name='quiet hours'),
        ),
    ]
