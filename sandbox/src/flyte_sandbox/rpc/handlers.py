"""Which function of ``admin`` answers which method: one flat table."""

from __future__ import annotations

from flyteidl.admin import version_pb2

from flyte_sandbox import FLYTE_VERSION, __version__
from flyte_sandbox.admin.attributes import Attributes
from flyte_sandbox.admin.data_proxy import DataProxy
from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.rpc.dispatch import Handler

_ADMIN = "/flyteidl.service.AdminService/"
_SIGNAL = "/flyteidl.service.SignalService/"
_DATA = "/flyteidl.service.DataProxyService/"


def handlers(admin: Admin) -> dict[str, Handler]:
    return {
        **_admin_handlers(admin),
        **_data_handlers(admin.data_proxy),
        _SIGNAL + "GetOrCreateSignal": admin.signals.get_or_create,
        _SIGNAL + "SetSignal": admin.signals.set,
        _SIGNAL + "ListSignals": admin.signals.list,
    }


def _admin_handlers(admin: Admin) -> dict[str, Handler]:
    table: dict[str, Handler] = {
        "GetVersion": _get_version,
        "RegisterProject": admin.projects.register,
        "UpdateProject": admin.projects.update,
        "GetProject": admin.projects.get,
        "ListProjects": admin.projects.list,
        "GetDomains": admin.projects.get_domains,
        "ListNamedEntities": admin.named_entities.list,
        "GetNamedEntity": admin.named_entities.get,
        "UpdateNamedEntity": admin.named_entities.update,
        "GetDescriptionEntity": admin.description_entities.get,
        "ListDescriptionEntities": admin.description_entities.list,
        "CreateTask": admin.tasks.create,
        "GetTask": admin.tasks.get,
        "ListTasks": admin.tasks.list,
        "ListTaskIds": admin.tasks.list_ids,
        "CreateWorkflow": admin.workflows.create,
        "GetWorkflow": admin.workflows.get,
        "ListWorkflows": admin.workflows.list,
        "ListWorkflowIds": admin.workflows.list_ids,
        "CreateLaunchPlan": admin.launch_plans.create,
        "GetLaunchPlan": admin.launch_plans.get,
        "GetActiveLaunchPlan": admin.launch_plans.get_active,
        "ListLaunchPlans": admin.launch_plans.list,
        "ListActiveLaunchPlans": admin.launch_plans.list_active,
        "ListLaunchPlanIds": admin.launch_plans.list_ids,
        "UpdateLaunchPlan": admin.launch_plans.update,
        "CreateExecution": admin.launching.create,
        "RelaunchExecution": admin.relaunching.relaunch,
        "RecoverExecution": admin.relaunching.recover,
        "GetExecution": admin.executions.get,
        "GetExecutionData": admin.executions.get_data,
        "ListExecutions": admin.executions.list,
        "TerminateExecution": admin.executions.terminate,
        "UpdateExecution": admin.executions.update,
        "GetNodeExecution": admin.node_executions.get,
        "ListNodeExecutions": admin.node_executions.list,
        "ListNodeExecutionsForTask": admin.node_executions.list_for_task,
        "GetNodeExecutionData": admin.node_executions.get_data,
        "GetDynamicNodeWorkflow": admin.node_executions.get_dynamic_workflow,
        "GetExecutionMetrics": admin.metrics.get,
        "CreateWorkflowEvent": admin.reported_events.create_workflow,
        "CreateNodeEvent": admin.reported_events.create_node,
        "CreateTaskEvent": admin.reported_events.create_task,
        "GetTaskExecution": admin.task_executions.get,
        "ListTaskExecutions": admin.task_executions.list,
        "GetTaskExecutionData": admin.task_executions.get_data,
    }
    table |= _attribute_handlers(admin.attributes)
    return {_ADMIN + name: handler for name, handler in table.items()}


def _attribute_handlers(attributes: Attributes) -> dict[str, Handler]:
    return {
        "UpdateProjectAttributes": attributes.update_project,
        "GetProjectAttributes": attributes.get_project,
        "DeleteProjectAttributes": attributes.delete_project,
        "UpdateProjectDomainAttributes": attributes.update_project_domain,
        "GetProjectDomainAttributes": attributes.get_project_domain,
        "DeleteProjectDomainAttributes": attributes.delete_project_domain,
        "UpdateWorkflowAttributes": attributes.update_workflow,
        "GetWorkflowAttributes": attributes.get_workflow,
        "DeleteWorkflowAttributes": attributes.delete_workflow,
        "ListMatchableAttributes": attributes.list,
    }


def _data_handlers(data_proxy: DataProxy) -> dict[str, Handler]:
    return {
        _DATA + "CreateUploadLocation": data_proxy.create_upload_location,
        _DATA + "CreateDownloadLocation": data_proxy.create_download_location,
        _DATA + "CreateDownloadLink": data_proxy.create_download_link,
        _DATA + "GetData": data_proxy.get_data,
    }


def _get_version(_: version_pb2.GetVersionRequest) -> version_pb2.GetVersionResponse:
    version = version_pb2.Version(Build=f"flyte-sandbox {__version__}", Version=FLYTE_VERSION)
    return version_pb2.GetVersionResponse(control_plane_version=version)
